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
    in_folder = file_path.parent.name == "scenarios" and not file_path.name.startswith("_")
    if file_path.suffix != ".py" or not (in_folder or parent.session.isinitpath(file_path)):
        return others
    if not declares_scenario(file_path, if_broken=in_folder):
        return others
    with own_path():
        from badwire.pytest_plugin.items import ScenarioFile  # scenarios are rare, this plugin is always loaded

    return [ScenarioFile.from_parent(parent, path=file_path)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the parallel runs whose tests have not run."""
    if "badwire.pytest_plugin.session" in sys.modules:  # otherwise no test has used the lab
        sys.modules["badwire.pytest_plugin.session"].close(session.config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each reason for which tests were skipped, once, with the number of those tests."""
    if "s" in terminalreporter.reportchars or not (skipped := terminalreporter.getreports("skipped")):
        return
    reasons = Counter(str(one.longrepr[2]) for one in skipped if isinstance(one.longrepr, tuple))
    terminalreporter.section("skipped")
    for reason, number in reasons.most_common():
        terminalreporter.line(f"{number:4}  {reason.removeprefix('Skipped: ')}")


def declares_scenario(file: Path, if_broken: bool) -> bool:
    """Whether a file has a function under @scenario; `if_broken` if it cannot be parsed. The file is not executed."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return if_broken
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    calls = (one.func for node in functions for one in node.decorator_list if isinstance(one, ast.Call))
    return any(ast.unparse(call).rpartition(".")[2] == "scenario" for call in calls)
