"""The pytest plugin: each claim of a scenario is a test, and the `lab` fixture is for tests of your own programs.

This file has the hooks. `items` makes tests of scenarios, `fixtures` has the fixture, and `session` has what the tests
of a session share. May import: cli.arguments and the packages below cli.
"""

import ast
import sys
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from badwire.cli.arguments import add_run_options, by_name, compose_file
from badwire.errors import BadOption
from badwire.pytest_plugin import fixtures, joined, marker
from badwire.pytest_plugin.fixtures import lab as lab
from badwire.pytest_plugin.fixtures import lab_factory as lab_factory
from badwire.pytest_plugin.fixtures import lab_module as lab_module
from badwire.pytest_plugin.fixtures import lab_session as lab_session
from badwire.pytest_plugin.joined import attached as attached
from badwire.pytest_plugin.joined import attached_factory as attached_factory
from badwire.pytest_plugin.joined import attached_module as attached_module
from badwire.pytest_plugin.joined import attached_session as attached_session
from badwire.pytest_plugin.joined import compose as compose
from badwire.pytest_plugin.joined import compose_factory as compose_factory
from badwire.pytest_plugin.joined import compose_module as compose_module
from badwire.pytest_plugin.joined import compose_session as compose_session
from badwire.pytest_plugin.lab_run import open_runs
from badwire.pytest_plugin.own_path import own_path
from badwire.pytest_plugin.reports import Reports
from badwire.pytest_plugin.require import required

_MARKERS = ("lab", "attached", "compose")  # each has a fixture of its name


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --lab-substrate, --lab-clock and the other options of `badwire run`, with the prefix --lab-."""
    group = parser.getgroup("lab", "the network lab")
    add_run_options(group.addoption, "--lab-")
    group.addoption(
        "--lab-attach",
        action="append",
        default=[],
        metavar="NAME",
        help="a compose project, a network or a container that the fixtures `attached...` join",
    )
    group.addoption(
        "--lab-compose-up",
        type=compose_file,
        default=None,
        metavar="FILE",
        help="the compose file that Docker Compose brings up for the fixtures `compose...`",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and check BADWIRE_REQUIRE before any test runs. Raises UsageError for an unknown name."""
    for usage in (marker.USAGE, joined.USAGE_ATTACHED, joined.USAGE_COMPOSE):
        config.addinivalue_line("markers", usage)
    if Reports.are_wanted():
        config.pluginmanager.register(Reports(config))
    try:
        required()
        by_name(config.getoption("lab_parameters"), "parameter")
        by_name(config.getoption("lab_subjects"), "program under test")
        by_name(config.getoption("lab_env"), "variable")
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


def pytest_collection_finish(session: pytest.Session) -> None:
    """Check --lab-set once all tests are known, and before one runs. Raises UsageError."""
    config = session.config
    texts = by_name(config.getoption("lab_parameters"), "parameter")
    goes_on = not session.testsfailed or config.getoption("continue_on_collection_errors")
    if not texts or not goes_on or Reports.are_wanted():
        return
    with own_path():
        from badwire.pytest_plugin import parameters  # it imports what only tests with a lab need
    try:
        parameters.check(session.items, texts)
    except BadOption as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """With --lab-clock virtual, run a test that uses a lab in a kernel of its own, and pass on its reports."""
    if item.config.getoption("lab_clock") != "virtual" or Reports.are_wanted():
        return None
    names = getattr(item, "fixturenames", ())
    if not set(names).intersection(fixtures.NAMES) or item.get_closest_marker("skip") is not None:
        return None
    with own_path():
        from badwire.pytest_plugin import virtual

    virtual.run_test(item)
    return True


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Mark where the frames of this test begin, in a lab that several tests share."""
    for run in open_runs(item.config):
        run.test_began = time.monotonic_ns()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Fail a test that has a marker of a lab, but no lab to which the marker applies."""
    yield
    for name in _MARKERS:
        is_marked = any(mark.name == name for mark in item.own_markers)
        has_lab = any(run.node == item.nodeid and run.marker == name for run in open_runs(item.config))
        if is_marked and not has_lab:
            pytest.fail(
                f"this test has a marker {name}, but does not use the fixture `{name}`, to which it applies; add the"
                " fixture to its arguments, or remove the marker (that of"
                f" `{name}_module` is the module's pytestmark).",
                pytrace=False,
            )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record the outcome of a test in the evidence of its labs, and add the last frames to the report of a failure."""
    report = yield
    for run in open_runs(item.config):
        if run.is_of(item):
            run.add_to(report)
    return report


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
