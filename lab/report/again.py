"""`lab report`: pages made again from what runs saved, with the claims as they are now; of a run that was cut short or
damaged what can be shown is shown, and what cannot is named on the page.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import options, runs
from lab.errors import BadRun, RequestError, RunError
from lab.evidence import Evidence
from lab.of_run import scenario_of
from lab.recorder import CAPTURE, EVIDENCE
from lab.report import index, page
from lab.report import result as results
from lab.report.judgement import Witnesses, environment, judgement
from lab.report.result import Result
from lab.scenario import Scenario
from lab.seen_remains import Remains, remains

INCOMPLETE = 3  # exit status: pages were written, and one names what it cannot show
_OF_A_RUN = (EVIDENCE, CAPTURE, results.FILE)


@dataclass(frozen=True)
class Made:
    """A page that was written, and what it could not show, in a sentence each."""

    page: Path
    missing: tuple[str, ...]


def report(argv: list[str]) -> int:
    """`lab report`: 0 if all could be shown, 3 if not, each with a sentence on stderr. Raises BadRun, DiskFull."""
    parser = options.Parser("report", "Make the pages of saved runs again, with the claims as they are now.")
    parser.add_argument(
        "runs", nargs="*", metavar="RUN", help=f"a run's folder, or one with runs in it; default {runs.DEFAULT}"
    )
    wants = parser.parse_intermixed_args(argv)
    named = [Path(name) for name in wants.runs or [str(runs.DEFAULT)]]
    of_each = [(folder, _runs_in(folder)) for folder in named]  # all of them, before the first is made
    status = 0
    for folder, inside in of_each:
        for each in inside:
            made = again(each)
            if made.missing:
                status = INCOMPLETE
                more = f" ({len(made.missing) - 1} more on the page)" if len(made.missing) > 1 else ""
                print(f"lab: {each}: {made.missing[0]}{more}", file=sys.stderr)
            if each is folder:
                print(made.page)
        if inside != [folder]:
            with runs.writing(folder):
                print(index.write(folder, anew=True))
    return status


def again(folder: Path) -> Made:
    """Write the page of a run's folder, whatever it holds. Raises DiskFull."""
    left = remains(folder)
    saved, no_result = _saved(folder)
    scenario, no_scenario = _scenario(saved, left.seen, folder)
    missing = [*left.missing, *no_result]
    on: Witnesses = {}
    if scenario is not None and left.seen is not None:
        broke = left.seen.error if left.broken is None else left.broken
        result, on = judgement(scenario, left.seen, RunError(broke) if broke is not None else None)
    else:
        result = saved or _nothing(folder, left)
        missing += [f"{no_scenario} Claims stand as they were judged when it was run."] if no_scenario and saved else []
        missing += [no_scenario] if no_scenario and not saved else []
    with runs.writing(folder):
        written = page.write(folder, result, left.seen, scenario.lesson if scenario else "", on, tuple(missing))
    return Made(written, tuple(missing))


def _runs_in(folder: Path) -> list[Path]:
    """The folder itself if it is a run's, else those below it. Raises BadRun if there is none."""
    if any((folder / name).exists() for name in _OF_A_RUN):
        return [folder]
    found = {file.parent.resolve(): None for name in _OF_A_RUN for file in sorted(folder.glob(f"*/*/{name}"))}
    if not found:
        why = "holds no run" if folder.is_dir() else "is no folder"
        raise BadRun(f"{folder} {why}: give a run's folder, such as runs/timewait/latest, or one with runs in it.")
    return list(found)


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
