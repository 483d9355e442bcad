"""One run: a folder, a lab, the scenario in it, and then, from what was saved, the verdicts.

Evidence is on disk before any claim is judged; `judge` reads it from there, also long after the run.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from badwire.errors import BadOption, LabError, RunError
from badwire.options import Options
from badwire.result.result import Run
from badwire.run.finish import finish
from badwire.scenario.scenario_file import Scenario
from badwire.store import run_folder
from badwire.util.signals import Interrupted


class Clock(Protocol):
    """The kernel and the clock that a scenario is played on."""

    def play(self, scenario: Scenario, folder: Path) -> LabError | None:
        """Leave in ``folder`` what was seen; the error that broke it off, if one did.

        Raises RequestError if the scenario asks for what there is not, and Interrupted after a signal.
        """


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
        folder = run_folder.make(self.options.out, scenario.name)
        began = time.monotonic()
        interrupted: Interrupted | None = None
        try:
            with self.tell.watching(scenario, folder):
                error = self.clock.play(scenario, folder)
        except Interrupted as signal:
            interrupted = signal
            interrupted.folder = folder
            error = RunError(str(interrupted))
        self.tell("judging the evidence")
        run = finish(folder, scenario, error, began, self.options.out)
        if interrupted is not None:
            raise interrupted
        return run


def make_clock(options: Options, tell: Callable[[str], None]) -> Clock:
    """The clock that was asked for, imported here: neither needs what the other does. Raises MachineError."""
    if options.clock == "virtual":
        from badwire.uml.clock import VirtualClock

        return VirtualClock(options, tell)
    from badwire.run.real_clock import RealClock

    return RealClock(options, tell)
