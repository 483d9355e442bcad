"""Writes the page of a saved run again, with the current claims of its scenario.

If the run is incomplete or damaged, the page shows what can be read, and names what is missing.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
    recorded = remains(folder)
    missing = []
    saved: Result | None = None
    try:
        saved = Result.load(folder)
    except BadRun as error:
        missing.append(_why_no_result(folder, error))
    try:
        scenario = _scenario(folder, saved, recorded)
    except RequestError as error:
        sentence = str(error)
        if saved is not None:
            sentence += " The verdicts are those from when it was run."
        missing.append(sentence)
        return _write_unjudged(folder, saved, recorded, missing, lesson="")
    if recorded.evidence is None:
        return _write_unjudged(folder, saved, recorded, missing, scenario.lesson)
    conclusion = conclude(folder, scenario)
    conclusion = replace(conclusion, missing=(*conclusion.missing, *missing))
    written = write_page(folder, scenario, conclusion)
    return Rebuilt(written, conclusion.missing)


def _write_unjudged(
    folder: Path,
    saved: Result | None,
    recorded: Remains,
    missing: list[str],
    lesson: str,
) -> Rebuilt:
    """Write the page of a run that cannot be judged again, with the verdicts of its saved result if there is one."""
    all_missing = (*recorded.missing, *missing)
    result = saved
    if result is None:
        result = _empty_result(folder, recorded)
    with run_folder.writing(folder):
        written = page.write(folder, result, recorded.evidence, lesson, {}, all_missing)
    return Rebuilt(written, all_missing)


def _why_no_result(folder: Path, error: BadRun) -> str:
    if not (folder / results.FILE).exists():
        return f"There is no {results.FILE}: the run was killed, or it is still running."
    cause = type(error.__cause__).__name__
    return f"{results.FILE} cannot be read ({cause})."


def _scenario(folder: Path, saved: Result | None, recorded: Remains) -> Scenario:
    """Load the current version of the scenario. Raises RequestError."""
    file = "" if saved is None else saved.file
    name = _scenario_name(folder, recorded)
    return scenario_of(folder, file, name)


def _scenario_name(folder: Path, recorded: Remains) -> str:
    if recorded.evidence is None:
        return folder.resolve().parent.name
    return str(recorded.evidence.meta["scenario"])


def _empty_result(folder: Path, recorded: Remains) -> Result:
    """Return a result without claims, for a run that has no readable result."""
    known: dict[str, Any] = {}
    if recorded.evidence is not None:
        known = environment(recorded.evidence)
    return Result(
        scenario=_scenario_name(folder, recorded),
        title="A run that left no result",
        file="",
        verdict="UNKNOWN",
        status=INCOMPLETE,
        claims=(),
        environment=known,
    )
