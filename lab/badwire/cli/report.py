"""`badwire report`: writes the pages of saved runs again."""

import sys
from pathlib import Path

from badwire.cli import arguments
from badwire.errors import BadRun
from badwire.report.html import index
from badwire.result import result
from badwire.run.rebuild import INCOMPLETE, rebuild
from badwire.store import run_folder
from badwire.store.recorder import CAPTURE, EVIDENCE

_OF_A_RUN = (EVIDENCE, CAPTURE, result.FILE)


def report(argv: list[str]) -> int:
    """Write the pages, and return 0 if all are complete, otherwise 3 with a sentence on stderr for each that is not.

    Raises:
        BadRun: a folder has no run.
        DiskFull: a page cannot be written.
    """
    parser = arguments.Parser("report", "Make the pages of saved runs again, with the claims as they are now.")
    parser.add_argument(
        "runs", nargs="*", metavar="RUN", help=f"a run's folder, or one with runs in it; default {run_folder.DEFAULT}"
    )
    wants = parser.parse_intermixed_args(argv)
    named = [Path(name) for name in wants.runs or [str(run_folder.DEFAULT)]]
    of_each = [(folder, _runs_in(folder)) for folder in named]  # all are found before the first page is written
    status = 0
    for folder, inside in of_each:
        for each in inside:
            made = rebuild(each)
            if made.missing:
                status = INCOMPLETE
                more = f" ({len(made.missing) - 1} more on the page)" if len(made.missing) > 1 else ""
                print(f"badwire: {each}: {made.missing[0]}{more}", file=sys.stderr)
            if each is folder:
                print(made.page)
        if inside != [folder]:
            with run_folder.writing(folder):
                print(index.write(folder, reread=True))
    return status


def _runs_in(folder: Path) -> list[Path]:
    """Return the folder if it is a run folder, otherwise the run folders below it. Raises BadRun if there is none."""
    if any((folder / name).exists() for name in _OF_A_RUN):
        return [folder]
    found = {file.parent.resolve(): None for name in _OF_A_RUN for file in sorted(folder.glob(f"*/*/{name}"))}
    if not found:
        why = "holds no run" if folder.is_dir() else "is no folder"
        raise BadRun(f"{folder} {why}: give a run's folder, such as runs/timewait/latest, or one with runs in it.")
    return list(found)
