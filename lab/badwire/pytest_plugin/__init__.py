"""pytest and the lab: each claim of a scenario is a test, and a `lab` fixture serves tests of one's own programs.

Here are the hooks; `items` has scenarios as tests, `fixtures` the fixture, `session` what a test session shares.
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
    """--lab-substrate, --lab-clock and the others, as of `badwire run`."""
    add_run_options(parser.getgroup("lab", "the network lab").addoption, "--lab-")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known. Refuses a BADWIRE_REQUIRE that would require nothing, before a test is skipped for it."""
    config.addinivalue_line("markers", MARKER)
    try:
        required()
    except BadOption as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """A scenario is collected as its claims, in a folder `scenarios` or when it is named, and as nothing else."""
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
    """End the runs that were ahead of their tests."""
    if "badwire.pytest_plugin.session" in sys.modules:  # else nobody ran anything
        sys.modules["badwire.pytest_plugin.session"].close(session.config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What this machine could not do, each reason once, with the number of tests that it cost."""
    if "s" in terminalreporter.reportchars or not (skipped := terminalreporter.getreports("skipped")):
        return
    reasons = Counter(str(one.longrepr[2]) for one in skipped if isinstance(one.longrepr, tuple))
    terminalreporter.section("skipped")
    for reason, number in reasons.most_common():
        terminalreporter.line(f"{number:4}  {reason.removeprefix('Skipped: ')}")


def declares_scenario(file: Path, if_broken: bool) -> bool:
    """Whether a file has a function under @scenario, found without running it; `if_broken` if it is no Python."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return if_broken
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    calls = (one.func for node in functions for one in node.decorator_list if isinstance(one, ast.Call))
    return any(ast.unparse(call).rpartition(".")[2] == "scenario" for call in calls)
