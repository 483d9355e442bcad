"""`badwire report`: writes the pages of saved runs again."""

import sys
from collections.abc import Sequence
from pathlib import Path

from badwire.cli import arguments
from badwire.errors import BadRun
from badwire.report.html import index
from badwire.result import result
from badwire.run.rebuild import INCOMPLETE, rebuild
from badwire.store import run_folder
from badwire.store.captures import FRAMES
from badwire.store.recorder import EVIDENCE

_FILES_OF_A_RUN = (EVIDENCE, FRAMES, result.FILE)


def report(argv: list[str]) -> int:
    """Write the pages, and return 0 if all are complete, otherwise 3 with a sentence on stderr for each that is not.

    Raises:
        BadRun: a folder has no run.
        DiskFull: a page cannot be written.
    """
    parser = arguments.Parser("report", "Make the pages of saved runs again, with the claims as they are now.")
    parser.add_argument(
        "runs",
        nargs="*",
        type=Path,
        metavar="RUN",
        help=f"a run's folder, or one with runs in it (default: {run_folder.DEFAULT})",
    )
    args = parser.parse_intermixed_args(argv)
    named = args.runs or [run_folder.DEFAULT]
    runs_of = {folder: _runs_in(folder) for folder in named}  # all are found before the first page is written
    status = 0
    for folder, runs in runs_of.items():
        for run in runs:
            rebuilt = rebuild(run)
            if rebuilt.missing:
                status = INCOMPLETE
                _print_missing(run, rebuilt.missing)
            if run == folder:
                print(rebuilt.page)
        if runs != [folder]:
            with run_folder.writing(folder):
                page = index.write(folder, reread=True)
            print(page)
    return status


def _print_missing(run: Path, missing: Sequence[str]) -> None:
    sentence, *others = missing
    if others:
        sentence += f" ({len(others)} more on the page)"
    print(f"badwire: {run}: {sentence}", file=sys.stderr)


def _runs_in(folder: Path) -> list[Path]:
    """Return the folder if it is a run folder, otherwise the run folders below it. Raises BadRun if there is none."""
    if any((folder / name).exists() for name in _FILES_OF_A_RUN):
        return [folder]
    found: list[Path] = []
    for name in _FILES_OF_A_RUN:
        for file in sorted(folder.glob(f"*/*/{name}")):
            run = file.parent.resolve()
            if run not in found:
                found.append(run)
    if not found:
        why = "has no run in it" if folder.is_dir() else "is not a directory"
        raise BadRun(f"{folder} {why}: give a run's folder, such as runs/timewait/latest, or one with runs in it.")
    return found
