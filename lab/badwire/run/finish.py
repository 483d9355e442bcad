"""The end of every run: judges the evidence, saves the result, writes the page, and adds it to the index.

The run of a scenario and an interactive lab end here. `rebuild` uses parts of it to write a saved run's page again.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import BadRun, DiskFull, LabError, RunError
from badwire.evidence.damaged import Remains, remains
from badwire.evidence.evidence import Evidence
from badwire.report.html import index, page
from badwire.result.judge import FramesOfClaims, judgement
from badwire.result.result import Result, Run
from badwire.scenario.scenario_file import Scenario
from badwire.store import run_folder


@dataclass(frozen=True)
class Conclusion:
    """The verdicts on what a run recorded.

    Attributes:
        result: the verdicts.
        evidence: the part of the evidence that could be read; None if nothing could.
        frames: for each claim, the frames that it was judged on.
        missing: a sentence for each thing that the page cannot show.
    """

    result: Result
    evidence: Evidence | None
    frames: FramesOfClaims
    missing: tuple[str, ...]


def conclude(folder: Path, scenario: Scenario, error: LabError | None = None) -> Conclusion:
    """Judge the evidence in a run folder, which may be incomplete.

    If the run ended early, because of ``error`` or of one that the evidence has, or if the evidence cannot be read,
    every claim is UNKNOWN.
    """
    recorded = remains(folder)
    if error is None:
        error = _recorded_error(folder, recorded)
    result, frames = judgement(scenario, recorded.evidence, error)
    return Conclusion(result, recorded.evidence, frames, recorded.missing)


def _recorded_error(folder: Path, recorded: Remains) -> LabError | None:
    """The error that ended a run early, according to its evidence; None if there was none."""
    evidence = recorded.evidence
    if evidence is None:
        missing = " ".join(recorded.missing)
        return BadRun(f"{folder} has no evidence: {missing}")
    if recorded.broken is not None:
        return RunError(recorded.broken)
    if evidence.error is not None:
        return RunError(evidence.error)
    return None


def finish(folder: Path, scenario: Scenario, error: LabError | None, began: float, runs: Path) -> Run:
    """Judge a run that is over, and write its result, its page and the index of ``runs``.

    Args:
        folder: the run folder.
        scenario: the scenario that was run.
        error: the error that ended the run early; None if there was none.
        began: when the run began, in seconds of the monotonic clock.
        runs: the folder of all runs.

    Raises:
        DiskFull: a file could not be written, and ``error`` is None.
    """
    conclusion = conclude(folder, scenario, error)
    try:
        with run_folder.writing(folder):
            conclusion.result.save(folder)
            seconds = time.monotonic() - began
            run_folder.sign(folder, seconds)
        write_page(folder, scenario, conclusion)
        run_folder.link_latest(folder)
        with run_folder.writing(folder):
            index.write(runs)
    except DiskFull:
        if error is None:  # otherwise the caller reports the first error
            raise
    return Run(folder, conclusion.result, error)


def write_page(folder: Path, scenario: Scenario, conclusion: Conclusion) -> Path:
    """Write the page of a run and return its path. Raises DiskFull."""
    with run_folder.writing(folder):
        return page.write(
            folder,
            conclusion.result,
            conclusion.evidence,
            scenario.lesson,
            conclusion.frames,
            conclusion.missing,
        )


def not_run(scenario: Scenario, error: LabError) -> Run:
    """Return the Run of a scenario that could not begin: without a folder, and with every claim UNKNOWN."""
    result, _ = judgement(scenario, None, error)
    return Run(None, result, error)
