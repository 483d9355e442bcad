"""The pytest plugin: each claim of a scenario is a test, and the `lab` fixture is for tests of your own programs.

This file has the hooks. `items` makes tests of scenarios, `fixtures` has the fixture, and `session` has what the tests
of a session share. May import: cli.arguments and the packages below cli.
"""

import ast
import sys
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from badwire.cli.arguments import add_run_options
from badwire.errors import BadOption
from badwire.pytest_plugin.fixtures import lab as lab
from badwire.pytest_plugin.own_path import own_path
from badwire.pytest_plugin.require import required

MARKER = (
    "lab(topology=None, sysctls=None, routes=None, mounts=()): how the `lab` fixture is made: another compose file or "
    "Topology, sysctls for all hosts or for each, metrics of their routes, files and folders that every host sees."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --lab-substrate, --lab-clock and the other options of `badwire run`, with the prefix --lab-."""
    add_run_options(parser.getgroup("lab", "the network lab").addoption, "--lab-")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and check BADWIRE_REQUIRE before any test runs. Raises UsageError for an unknown name."""
    config.addinivalue_line("markers", MARKER)
    try:
        required()
    except BadOption as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect a scenario file as a ScenarioFile, in place of what other plugins would collect from it.

    Files are considered if their directory is called `scenarios`, or if they are named on the command line.
    """
    others = yield
    if file_path.suffix != ".py":
        return others
    in_folder = file_path.parent.name == "scenarios" and not file_path.name.startswith("_")
    is_named = parent.session.isinitpath(file_path)
    if not in_folder and not is_named:
        return others
    if not declares_scenario(file_path, if_broken=in_folder):
        return others
    with own_path():
        from badwire.pytest_plugin.items import ScenarioFile  # scenarios are rare, this plugin is always loaded

    return [ScenarioFile.from_parent(parent, path=file_path)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the parallel runs whose tests have not run."""
    shared = sys.modules.get("badwire.pytest_plugin.session")
    if shared is not None:  # otherwise no test has used the lab
        shared.close(session.config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each reason for which tests were skipped, once, with the number of those tests."""
    skipped = terminalreporter.getreports("skipped")
    if "s" in terminalreporter.reportchars or not skipped:
        return
    reasons: Counter[str] = Counter()
    for report in skipped:
        if isinstance(report.longrepr, tuple):
            _file, _line, reason = report.longrepr
            reasons[reason.removeprefix("Skipped: ")] += 1
    terminalreporter.section("skipped")
    for reason, number in reasons.most_common():
        terminalreporter.line(f"{number:4}  {reason}")


def declares_scenario(file: Path, if_broken: bool) -> bool:
    """Whether a file has a function under @scenario; `if_broken` if it cannot be parsed. The file is not executed."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return if_broken
    decorators: list[ast.expr] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            decorators += node.decorator_list
    return any(_is_scenario(decorator) for decorator in decorators)


def _is_scenario(decorator: ast.expr) -> bool:
    """Whether a decorator is a call of ``scenario``, which may be an attribute of a module."""
    if not isinstance(decorator, ast.Call):
        return False
    name = ast.unparse(decorator.func)
    return name == "scenario" or name.endswith(".scenario")
