"""One run: a folder, a lab, the scenario in it, and then, from what was saved, the verdicts.

Evidence is on disk before any claim is judged; `judge` reads it from there, also long after the run.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lab import runs
from lab.errors import BadOption, BadRun, DiskFull, LabError, RunError
from lab.evidence import Evidence
from lab.of_run import BY_HAND, scenario_of
from lab.options import Options
from lab.report import index, page
from lab.report.judgement import Witnesses, judgement
from lab.report.result import Result
from lab.scenario import Scenario
from lab.seen_remains import remains
from lab.signals import Interrupted


class Clock(Protocol):
    """The kernel and the clock that a scenario is played on."""

    def play(self, scenario: Scenario, folder: Path) -> LabError | None:
        """Leave in ``folder`` what was seen; the error that broke it off, if one did.

        Raises RequestError if the scenario asks for what there is not, and Interrupted after a signal.
        """


@dataclass(frozen=True)
class Run:
    """A run that is over: its folder, its result, and what broke it off, if anything did."""

    folder: Path
    result: Result
    error: LabError | None


class Watcher(Protocol):
    """Whoever wants to see more of the runs than what is told."""

    def watching(self, heading: str, folder: Path) -> AbstractContextManager[None]:
        """Inside the block a run leaves its evidence in ``folder``."""

    def heard(self, name: str, text: str) -> None:
        """One of several runs at once begins a step."""


class Teller:
    """Tells each step to whoever listens: in a process forked from this one, somebody else."""

    def __init__(self, to: Callable[[str], None], watcher: Watcher | None) -> None:
        self.to, self.watcher = to, watcher

    def __call__(self, text: str) -> None:
        self.to(text)

    def of(self, name: str, text: str) -> None:
        """What one of several runs at once tells."""
        if self.watcher is not None:
            self.watcher.heard(name, text)
        else:
            self.to(f"{name}: {text}")

    def watching(self, scenario: Scenario, folder: Path) -> AbstractContextManager[None]:
        """Inside the block the scenario leaves its evidence in ``folder``."""
        return self.watcher.watching(f"{scenario.name}: {scenario.title}", folder) if self.watcher else nullcontext()


class Runner:
    """Runs scenarios in one way. `tell` gets each step as it begins, and `watcher` may look on.

    Raises MachineError if this machine cannot do it.
    """

    def __init__(self, options: Options, tell: Callable[[str], None], watcher: Watcher | None = None) -> None:
        self.options, self.tell = options, Teller(tell, watcher)
        self.clock = make_clock(options, self.tell)

    def run(self, scenario: Scenario) -> Run:
        """Run one scenario and judge it.

        A run that breaks off keeps its evidence; its claims are UNKNOWN and `error` says why. Raises RequestError if
        the scenario asks for what there is not, DiskFull if no folder can be had, and Interrupted after a signal.
        """
        scenario.check()
        if why := scenario.why_not_on(self.options.clock):
            raise BadOption(why)
        folder = runs.make(self.options.out, scenario.name)
        began = time.monotonic()
        interrupted: Interrupted | None = None
        try:
            with self.tell.watching(scenario, folder):
                error = self.clock.play(scenario, folder)
        except Interrupted as signal:
            interrupted = signal
            interrupted.folder = folder
            error = RunError(str(interrupted))
        result = self._finish(folder, scenario, error, began)
        if interrupted is not None:
            raise interrupted
        return Run(folder, result, error)

    def _finish(self, folder: Path, scenario: Scenario, error: LabError | None, began: float) -> Result:
        self.tell("judging the evidence")
        result, on, seen = judge(folder, scenario, error)
        missing: tuple[str, ...] = ()
        if seen is None:
            left = remains(folder)
            seen, missing = left.seen, left.missing
        try:
            with runs.writing(folder):
                result.save(folder)
                runs.sign(folder, time.monotonic() - began)
                page.write(folder, result, seen, scenario.lesson, on, missing)
            runs.link_latest(folder)
            with runs.writing(folder):
                index.write(self.options.out)
        except DiskFull:
            if error is None:  # else the first cause is the one to tell
                raise
        return result


def judge(folder: Path, scenario: Scenario, error: LabError | None = None) -> tuple[Result, Witnesses, Evidence | None]:
    """The verdicts on a saved run, what each was judged on, and the evidence if it can be read.

    After an error nothing holds or fails: every claim is UNKNOWN, and why. Raises BadRun if there is no error that
    explains why the evidence cannot be read.
    """
    try:
        seen = Evidence.load(folder)
    except BadRun:
        if error is None:
            raise
        seen = None
    return *judgement(scenario, seen, error), seen


def judge_again(folder: Path) -> Result:
    """The verdicts on a saved run, with the claims of its scenario as they are now. Raises BadRun, UnknownScenario."""
    seen = Evidence.load(folder)
    try:
        saved = Result.load(folder).file
    except BadRun:  # a run that was killed has no result, but its evidence names the scenario
        saved = ""
    scenario = scenario_of(folder, saved, seen.meta["scenario"])
    if scenario is BY_HAND:
        raise BadRun(f"{folder} was made by hand and claims nothing; `lab show {folder}` tells what was.")
    return judgement(scenario, seen, RunError(seen.error) if seen.error is not None else None)[0]


def make_clock(options: Options, tell: Callable[[str], None]) -> Clock:
    """The clock that was asked for, imported here: neither needs what the other does. Raises MachineError."""
    if options.clock == "virtual":
        from lab.kernel.virtual import VirtualClock

        return VirtualClock(options, tell)
    from lab.clock import RealClock

    return RealClock(options, tell)
