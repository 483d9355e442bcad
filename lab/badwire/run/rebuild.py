"""`badwire report`: pages made again from what runs saved, with the claims as they are now.

Of a run that was cut short or damaged what can be shown is shown, and what cannot is named on the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import BadRun, RequestError, RunError
from badwire.evidence.damaged import Remains, remains
from badwire.evidence.evidence import Evidence
from badwire.report.html import page as html_page
from badwire.result import result as results
from badwire.result.judge import FramesOfClaims, environment, judgement, scenario_of
from badwire.result.result import Result
from badwire.scenario.scenario_file import Scenario
from badwire.store import run_folder

INCOMPLETE = 3  # exit status: pages were written, and one names what it cannot show


@dataclass(frozen=True)
class Made:
    """A page that was written, and what it could not show, in a sentence each."""

    page: Path
    missing: tuple[str, ...]


def again(folder: Path) -> Made:
    """Write the page of a run's folder, whatever it holds. Raises DiskFull."""
    left = remains(folder)
    saved, no_result = _saved(folder)
    scenario, no_scenario = _scenario(saved, left.seen, folder)
    missing = [*left.missing, *no_result]
    on: FramesOfClaims = {}
    if scenario is not None and left.seen is not None:
        broke = left.seen.error if left.broken is None else left.broken
        result, on = judgement(scenario, left.seen, RunError(broke) if broke is not None else None)
    else:
        result = saved or _nothing(folder, left)
        missing += [f"{no_scenario} Claims stand as they were judged when it was run."] if no_scenario and saved else []
        missing += [no_scenario] if no_scenario and not saved else []
    with run_folder.writing(folder):
        written = html_page.write(folder, result, left.seen, scenario.lesson if scenario else "", on, tuple(missing))
    return Made(written, tuple(missing))


def _saved(folder: Path) -> tuple[Result | None, Sequence[str]]:
    try:
        return Result.load(folder), ()
    except BadRun as error:
        if (folder / results.FILE).exists():
            return None, (f"{results.FILE} cannot be read ({type(error.__cause__).__name__}).",)
        return None, (f"There is no {results.FILE}: the run was killed, or it still goes on.",)


def _scenario(saved: Result | None, seen: Evidence | None, folder: Path) -> tuple[Scenario | None, str]:
    """The scenario as it is now; else None, and why."""
    name = str(seen.meta["scenario"]) if seen is not None else folder.resolve().parent.name
    try:
        return scenario_of(folder, saved.file if saved is not None else "", name), ""
    except RequestError as error:
        return None, str(error)


def _nothing(folder: Path, left: Remains) -> Result:
    """A result that says nothing, for a run of which there is none."""
    scenario = folder.resolve().parent.name if left.seen is None else str(left.seen.meta["scenario"])
    known = environment(left.seen) if left.seen is not None else {}
    return Result(scenario, "A run that left no result", "", "UNKNOWN", INCOMPLETE, (), known)
