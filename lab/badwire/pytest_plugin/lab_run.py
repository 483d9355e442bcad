"""The labs of the fixtures: each is a run with a folder, evidence, a result and a page of its own."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from badwire.pytest_plugin.marker import LabSettings
from badwire.pytest_plugin.own_path import own_path

if TYPE_CHECKING:
    from badwire.testbed.lab import Lab

OPEN = pytest.StashKey[list["LabRun"]]()
LAST_FRAMES = 40  # that the report of a failed test shows


@dataclass
class LabRun:
    """A lab that is up.

    Attributes:
        lab: the lab.
        folder: the run's folder.
        node: pytest's node whose lab it is, as in "test_mine.py::test_it".
        test_began: when the current test began, in ns of the hosts' clock.
        marker: the name of the marker that applies to it.
    """

    lab: "Lab"
    folder: Path
    node: str
    test_began: int
    marker: str

    def ladder(self) -> str:
        """The last frames of the current test as a diagram, or a sentence if they cannot be read."""
        with own_path():
            from badwire.errors import LabError
            from badwire.report import ladder
            from badwire.report.story import story

        try:
            evidence = self.lab.evidence()
        except LabError as error:
            return f"the frames cannot be shown: {error}"
        return ladder.text(story(evidence), LAST_FRAMES, since=self.test_began - evidence.meta["t"])

    def is_of(self, item: pytest.Item) -> bool:
        """Whether a test uses this lab."""
        values = getattr(item, "funcargs", {}).values()
        return self.node == item.nodeid or any(value is self.lab for value in values)

    def add_to(self, report: pytest.TestReport) -> None:
        """Record the outcome of a test, and add the last frames to its report if it failed."""
        is_over = report.when == "call" or (report.when == "setup" and not report.passed)
        if not is_over:
            return
        if report.failed:
            text = f"run folder: {self.folder}\n{self.ladder()}"
            report.sections.append(("lab: the last frames", text))
        self.lab.record_test(report.nodeid, report.outcome, _why(report))


def _why(report: pytest.TestReport) -> str:
    """The reason for a failure or a skip, on one line; empty for a test that passed."""
    if report.passed:
        return ""
    expected_failure = getattr(report, "wasxfail", None)
    if expected_failure is not None:
        return f"an expected failure: {expected_failure}"
    found: object = report.longrepr
    crash = getattr(found, "reprcrash", None)
    if crash is not None:
        found = crash.message
    elif isinstance(found, tuple):
        found = found[-1]
    lines = str(found).splitlines()
    return lines[0] if lines else report.outcome


def open_runs(config: pytest.Config) -> list[LabRun]:
    """The labs that are up in this session, in the order in which they came up."""
    return config.stash.setdefault(OPEN, [])


@contextmanager
def lab_run(config: pytest.Config, settings: LabSettings, node: str, name: str, runs: Path) -> Iterator[LabRun]:
    """Bring a lab up for the duration of a ``with`` block; at its end, write its result and its page.

    Args:
        config: of the session, whose --lab-... options apply.
        settings: how the lab is made.
        node: the id of pytest's node whose lab it is.
        name: of that node, after which the run's folder is named.
        runs: the folder of all runs, unless --lab-out names one.

    If this machine cannot run a lab, the current test is skipped, or fails if BADWIRE_REQUIRE says so. If the lab
    cannot be brought up for another reason, the test fails.
    """
    with own_path():
        from badwire.errors import LabError
        from badwire.pytest_plugin import session
        from badwire.testbed.lab import open_lab

    in_kernel = session.in_kernel()
    try:
        options = session.options(config)
        topology = settings.resolved_topology(options.compose)
        hosts = [host.name for host in topology.hosts]
        settings.check(hosts)
        mounts = settings.resolved_mounts()
        parameters = settings.parameter_values(node, options.parameters)
        if settings.virtual_only and options.clock != "virtual":
            pytest.skip(f"for the virtual clock only ({settings.virtual_only}); run it with --lab-clock virtual.")
        substrate = session.substrate(config)
        programs = session.programs(config)
        folder = session.folder_in_kernel(config) if in_kernel else None
    except LabError as error:
        session.skip_or_fail(config, error)

    def opened(folder: Path, scenario: str) -> AbstractContextManager["Lab"]:
        return open_lab(
            topology,
            substrate,
            folder=folder,
            scenario=scenario,
            engine=options.engine,
            seed=options.seed,
            sysctls=settings.resolved_sysctls(hosts),
            routes=settings.routes,
            mounts=mounts,
            programs=programs,
            snaplen=options.snaplen,
            parameters=parameters,
            env=options.env,
            progress=session.progress,
        )

    # In a kernel the result is made outside, from the evidence.
    with recorded_run(config, node, name, runs, opened, folder=folder, is_finished_here=not in_kernel) as run:
        yield run


@contextmanager
def recorded_run(
    config: pytest.Config,
    node: str,
    name: str,
    runs: Path,
    opened: Callable[[Path, str], AbstractContextManager["Lab"]],
    *,
    marker: str = "lab",
    needs: Sequence[str] | None = None,
    folder: Path | None = None,
    is_finished_here: bool = True,
) -> Iterator[LabRun]:
    """A lab for the duration of a ``with`` block, whose tests' outcomes are recorded; its result and page at the end.

    Args:
        config, node, name, runs: as in ``lab_run``.
        opened: opens the lab, from the run's folder and the name of its scenario.
        marker: the name of the marker that applies to it.
        needs: what a machine needs for it, as BADWIRE_REQUIRE names that; None for what the options ask for.
        folder: the run's folder; None for a new one below ``runs`` or --lab-out.
        is_finished_here: whether the result and the page are written at the end.
    """
    with own_path():
        from badwire.errors import LabError
        from badwire.pytest_plugin import session
        from badwire.run.finish import finish
        from badwire.scenario import tested
        from badwire.store import run_folder

    scenario = tested.tested(tested.name_of(node))
    options = session.options(config)
    base = runs if options.out is run_folder.DEFAULT else options.out
    began = time.monotonic()
    with ExitStack() as undo:
        try:
            run_in = folder or run_folder.make(base, folder_name(name))
            lab = undo.enter_context(opened(run_in, scenario.name))
        except LabError as error:
            session.skip_or_fail(config, error, needs)
        found = LabRun(lab, run_in, node, time.monotonic_ns(), marker)
        open_runs(config).append(found)
        undo.callback(open_runs(config).remove, found)
        yield found
    if not is_finished_here:
        return
    try:
        finish(run_in, scenario, None, began, base)
    except LabError as error:
        pytest.fail(str(error), pytrace=False)


def folder_name(name: str) -> str:
    """The name of the folder for the runs of a node: its own name, with only plain characters."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "lab"
