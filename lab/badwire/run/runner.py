"""One run of a scenario: makes a folder, plays the scenario in a lab, and judges the evidence.

The evidence is on disk before any claim is judged, and `finish` reads it from there.
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
        """Play a scenario and write its evidence to ``folder``.

        Returns:
            The error that ended the run early; None if there was none.

        Raises:
            RequestError: the scenario asks for something that does not exist.
            Interrupted: a signal arrived.
        """


class RunObserver(Protocol):
    """Follows runs in more detail than progress lines show, as the live screen does."""

    def watching(self, heading: str, folder: Path) -> AbstractContextManager[None]:
        """Follow the run that writes its evidence to ``folder`` during the ``with`` block."""

    def parallel_step(self, name: str, text: str) -> None:
        """Called when the scenario ``name``, one of several that run in parallel, begins a step."""


class ProgressReporter:
    """Reports each step of a run.

    Attributes:
        output: called with each step. A process that was forked for one run replaces it by a pipe to its parent.
        observer: follows the runs in more detail; None in a forked process.
    """

    def __init__(self, output: Callable[[str], None], observer: RunObserver | None) -> None:
        self.output = output
        self.observer = observer

    def __call__(self, text: str) -> None:
        """Report a step of the one run of this process."""
        self.output(text)

    def parallel_step(self, name: str, text: str) -> None:
        """Report a step of the scenario ``name``, one of several that run in parallel."""
        if self.observer is not None:
            self.observer.parallel_step(name, text)
        else:
            self.output(f"{name}: {text}")

    def watching(self, scenario: Scenario, folder: Path) -> AbstractContextManager[None]:
        """Let the observer follow the evidence in ``folder`` during a ``with`` block."""
        if self.observer is None:
            return nullcontext()
        return self.observer.watching(f"{scenario.name}: {scenario.title}", folder)


class Runner:
    """Runs scenarios with the same options.

    Args:
        options: how they are run.
        report: called with each step as it begins.
        observer: follows the runs in more detail.

    Raises:
        BadOption: the options contradict each other.
        MachineError: this machine cannot run scenarios with these options.
    """

    def __init__(self, options: Options, report: Callable[[str], None], observer: RunObserver | None = None) -> None:
        self.options = options
        self.progress = ProgressReporter(report, observer)
        self.clock = make_clock(options, self.progress)

    def run(self, scenario: Scenario) -> Run:
        """Run one scenario and judge it.

        A run that ends early keeps its evidence. Its claims are UNKNOWN, and ``Run.error`` is the cause.

        Raises:
            RequestError: the scenario asks for something that does not exist, or cannot run on this clock.
            DiskFull: the run folder cannot be created, or the result cannot be written.
            Interrupted: a signal arrived. The run was finished first; the exception's ``folder`` is the run folder.
        """
        scenario.check()
        if why := scenario.why_not_on(self.options.clock):
            raise BadOption(why)
        folder = run_folder.make(self.options.out, scenario.name)
        began = time.monotonic()
        interrupted: Interrupted | None = None
        try:
            with self.progress.watching(scenario, folder):
                error = self.clock.play(scenario, folder)
        except Interrupted as signal:
            interrupted = signal
            interrupted.folder = folder
            error = RunError(str(interrupted))
        self.progress("judging the evidence")
        run = finish(folder, scenario, error, began, self.options.out)
        if interrupted is not None:
            raise interrupted
        return run


def make_clock(options: Options, report: Callable[[str], None]) -> Clock:
    """Return the clock that the options name. Only the modules of that clock are imported.

    Raises:
        BadOption: a kernel is named, and the clock is this machine's; or several kernels are named.
        MachineError: this machine cannot run scenarios with these options.
    """
    if "," in options.kernel:
        raise BadOption(f"Name one kernel, not {options.kernel}: only `badwire run` takes several.")
    if options.clock == "virtual":
        from badwire.uml.clock import VirtualClock

        return VirtualClock(options, report)
    if options.kernel:
        raise BadOption(
            f"Kernel {options.kernel} can be chosen on the virtual clock only: add --clock virtual, or leave --kernel"
            " out."
        )
    from badwire.run.real_clock import RealClock

    return RealClock(options, report)
