"""Writes the page of a saved run again, with the current claims of its scenario.

If the run is incomplete or damaged, the page shows what can be read, and names what is missing.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from badwire.errors import BadRun, RequestError
from badwire.evidence.damaged import Remains, remains
from badwire.report.html import page
from badwire.result import result as results
from badwire.result.judge import environment, scenario_of
from badwire.result.result import Result
from badwire.run.finish import conclude, write_page
from badwire.scenario.scenario_file import Scenario
from badwire.store import run_folder

INCOMPLETE = 3  # exit status: the pages were written, but at least one is incomplete


@dataclass(frozen=True)
class Rebuilt:
    """A page that was written. ``missing`` has a sentence for each thing that it cannot show."""

    page: Path
    missing: tuple[str, ...]


def rebuild(folder: Path) -> Rebuilt:
    """Write the page of the run in ``folder``, which may be incomplete. Raises DiskFull."""
    saved, no_result = _saved(folder)
    left = remains(folder)
    try:
        scenario = _scenario(folder, saved, left)
    except RequestError as error:
        return _without_scenario(folder, saved, left, (*no_result, str(error)))
    if left.evidence is None:
        return _without_scenario(folder, saved, left, no_result, scenario.lesson)
    conclusion = conclude(folder, scenario)
    missing = (*conclusion.missing, *no_result)
    return Rebuilt(write_page(folder, scenario, replace(conclusion, missing=missing)), missing)


def _without_scenario(
    folder: Path, saved: Result | None, left: Remains, why: tuple[str, ...], lesson: str = ""
) -> Rebuilt:
    """Write the page of a run that cannot be judged again, with the verdicts of its saved result if there is one."""
    missing = [*left.missing, *why]
    if saved is not None and not lesson:
        missing[-1] += " The verdicts are those from when it was run."
    result = saved or _nothing(folder, left)
    with run_folder.writing(folder):
        written = page.write(folder, result, left.evidence, lesson, {}, tuple(missing))
    return Rebuilt(written, tuple(missing))


def _saved(folder: Path) -> tuple[Result | None, tuple[str, ...]]:
    """Return the saved result, or None and a sentence that says why there is none."""
    try:
        return Result.load(folder), ()
    except BadRun as error:
        if (folder / results.FILE).exists():
            return None, (f"{results.FILE} cannot be read ({type(error.__cause__).__name__}).",)
        return None, (f"There is no {results.FILE}: the run was killed, or it is still running.",)


def _scenario(folder: Path, saved: Result | None, left: Remains) -> Scenario:
    """Load the current version of the scenario. Raises RequestError."""
    file = saved.file if saved is not None else ""
    return scenario_of(folder, file, _name(folder, left))


def _name(folder: Path, left: Remains) -> str:
    if left.evidence is None:
        return folder.resolve().parent.name
    return str(left.evidence.meta["scenario"])


def _nothing(folder: Path, left: Remains) -> Result:
    """Return a result without claims, for a run that has no readable result."""
    known = environment(left.evidence) if left.evidence is not None else {}
    return Result(_name(folder, left), "A run that left no result", "", "UNKNOWN", INCOMPLETE, (), known)
