"""One run: a folder, a lab, the scenario in it, and then, from what was saved, the verdicts.

Evidence is on disk before any claim is judged; `judge` reads it from there, also long after the run.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import choice, cleanup, runs
from lab.errors import BadRun, DiskFull, LabError, MachineError, RunError
from lab.evidence import Evidence
from lab.lab import open_lab
from lab.report.judgement import judgement
from lab.report.result import Result
from lab.scenario import Scenario, for_each, load, where
from lab.signals import Interrupted
from lab.substrate import Substrate

NO_VIRTUAL_CLOCK = (
    "The virtual clock is not there yet: it comes with the lab's own kernel; run with --clock real, which takes as "
    "long as the waits it watches."
)


@dataclass(frozen=True)
class Options:
    """How scenarios are run. `seed` is what every random draw of the wire comes from; `out` is where run folders go."""

    substrate: str = "auto"
    clock: str = "real"
    engine: str = "auto"
    seed: int = 1
    out: Path = runs.DEFAULT


@dataclass(frozen=True)
class Run:
    """A run that is over: its folder, its result, and what broke it off, if anything did."""

    folder: Path
    result: Result
    error: LabError | None


class Runner:
    """Runs scenarios in one way. The substrate is chosen, and what dead runs left is removed, once, before the first.

    `tell` gets each step as it begins. Raises MachineError if this machine cannot do it.
    """

    def __init__(self, options: Options, tell: Callable[[str], None]) -> None:
        if options.clock == "virtual":
            raise MachineError(NO_VIRTUAL_CLOCK)
        self.options, self.tell = options, tell
        self.substrate: Substrate = choice.choose(options.substrate, tell)
        for told in cleanup.clean():
            tell(told)

    def run(self, scenario: Scenario) -> Run:
        """Run one scenario and judge it.

        A run that breaks off keeps its evidence; its claims are UNKNOWN and `error` says why. Raises RequestError if
        the scenario asks for what there is not, DiskFull if no folder can be had, and Interrupted after a signal.
        """
        topology = scenario.topology()
        sysctls = for_each(scenario.declared.sysctls, [host.name for host in topology.hosts])
        folder = runs.make(self.options.out, scenario.name)
        error: LabError | None = None
        interrupted: Interrupted | None = None
        try:
            with open_lab(
                topology,
                self.substrate,
                folder=folder,
                scenario=scenario.name,
                engine=self.options.engine,
                seed=self.options.seed,
                sysctls=sysctls,
                mounts=[Path(mount).resolve() for mount in scenario.declared.mounts],
                progress=self.tell,
            ) as lab:
                scenario.declared.run(lab)
        except KeyboardInterrupt as signal:
            interrupted = signal if isinstance(signal, Interrupted) else Interrupted()
            interrupted.folder = folder
            error = RunError(str(interrupted))
        except LabError as broken:
            error = broken
        except Exception as broken:
            error = unexpected(broken, scenario, folder)
        result = self._finish(folder, scenario, error)
        if interrupted is not None:
            raise interrupted
        return Run(folder, result, error)

    def _finish(self, folder: Path, scenario: Scenario, error: LabError | None) -> Result:
        self.tell("judging the evidence")
        result = judge(folder, scenario, error)
        try:
            with runs.writing(folder):
                result.save(folder)
            runs.link_latest(folder)
        except DiskFull:
            if error is None:  # else the first cause is the one to tell
                raise
        return result


def judge(folder: Path, scenario: Scenario, error: LabError | None = None) -> Result:
    """The verdicts on a saved run. After an error nothing holds or fails: every claim is UNKNOWN, and why.

    Raises BadRun if there is no error that explains why the evidence cannot be read.
    """
    try:
        seen = Evidence.load(folder)
    except BadRun:
        if error is None:
            raise
        seen = None
    return judgement(scenario, seen, error)


def judge_again(folder: Path) -> Result:
    """The verdicts on a saved run, with the claims of its scenario as they are now. Raises BadRun, UnknownScenario."""
    seen = Evidence.load(folder)
    try:
        saved = Result.load(folder).file
    except BadRun:  # a run that was killed has no result, but its evidence names the scenario
        saved = ""
    scenario = load(saved if saved and Path(saved).is_file() else seen.meta["scenario"])
    return judgement(scenario, seen, RunError(seen.error) if seen.error is not None else None)


def unexpected(error: Exception, scenario: Scenario, folder: Path) -> LabError:
    """One sentence for an exception that nobody foresaw, most often a slip in the scenario; its traceback is saved."""
    if isinstance(error, OSError) and error.errno in runs.UNWRITABLE and error.filename is None:
        return runs.disk_full(folder, error)
    file = folder / "traceback.txt"
    try:
        file.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace")
        kept = f"; the traceback is in {file}"
    except OSError as full:
        kept = f"; the traceback could not be kept ({full.strerror})"
    return RunError(f"{scenario.name} broke off in {scenario.file.name}, {where(error, scenario.file)}{kept}.")
