"""Creates and finds the folders of runs: RUNS/SCENARIO/TIME/, with a symbolic link RUNS/SCENARIO/latest.

Several runs may do so at the same time: each gets a folder of its own, and the link is replaced atomically.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from badwire.errors import BadOption, BadRun, DiskFull
from badwire.util import files
from badwire.util.errnos import NOT_PERMITTED, NOT_WRITABLE

DEFAULT = Path("runs")
SIGNED = "run.json"
EVIDENCE = "evidence.jsonl"


def make(base: Path, scenario: str) -> Path:
    """Create and return a new folder for a run, named after the current time (UTC).

    Raises:
        BadOption: a part of the path is not a directory.
        DiskFull: the folder cannot be created, for any other reason.
    """
    check(base, scenario)
    with writing(base, any_error=True):
        parent = base / scenario
        parent.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        folder = parent / now
        number = 1
        while not _created(folder):
            number += 1
            folder = parent / f"{now}-{number}"
        return folder


def check(base: Path, scenario: str = "") -> None:
    """Raise BadOption if runs cannot be kept in ``base``, since a part of the path exists and is not a directory."""
    if not base.is_absolute():
        check_current_folder()
    in_the_way = obstacle(base / scenario)
    if in_the_way is not None:
        raise BadOption(f"Runs cannot be kept in {base}: {in_the_way} is not a directory; name another with --out.")


def check_current_folder() -> None:
    """Raise BadOption if the current directory was removed, so that no relative path exists."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise BadOption("The current directory was removed; cd to another.") from None


def obstacle(path: Path) -> Path | None:
    """The part of the path that exists and is not a directory, so that no folder can be made there; None if none is.

    A symbolic link without a target is such a part, since mkdir(2) does not follow it.
    """
    for part in (path, *path.parents):
        if os.path.isdir(part):
            return None
        if os.path.lexists(part):
            return part
    return None


def _created(folder: Path) -> bool:
    """Create the directory; return whether it was new. Raises OSError."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def sign(folder: Path, seconds: float) -> None:
    """Write run.json: the time of day at which the run ended (UTC), and its duration, ``seconds`` of real time.

    They have a file of their own because all other files of a run on the virtual clock are the same whenever the run
    is repeated.

    Raises:
        OSError: the file cannot be written.
    """
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    signature = {
        "format": 1,
        "ended": ended,
        "real_seconds": round(seconds, 3),
    }
    text = json.dumps(signature)
    (folder / SIGNED).write_text(text + "\n")


def link_latest(folder: Path) -> None:
    """Make the symbolic link `latest` point to this run. Raises DiskFull."""
    pid = os.getpid()
    part = folder.parent / f".latest.{folder.name}.{pid}"
    with writing(folder):
        part.symlink_to(folder.name)
        part.replace(folder.parent / "latest")


def find(name: str) -> Path:
    """Return the folder of a saved run, given its path. Raises BadRun if it has no evidence.jsonl."""
    folder = Path(name)
    if not folder.is_dir():
        reason = "is not a directory"
    elif not (folder / EVIDENCE).is_file():
        reason = f"has no {EVIDENCE}"
    else:
        return folder
    raise BadRun(f"{name} {reason}: give a run's folder, such as runs/timewait/latest.")


def find_all(bases: Iterable[Path]) -> list[Path]:
    """Return the run folders in these folders, at most two levels down, in the order in which the runs ended.

    A base may itself be a run folder. Runs without a readable run.json come first.
    """
    folders: set[Path] = set()
    for base in bases:
        for pattern in (EVIDENCE, f"*/{EVIDENCE}", f"*/*/{EVIDENCE}"):
            matches = base.glob(pattern)
            folders.update(file.parent.resolve() for file in matches)
    return sorted(folders, key=_end_and_name)


def _end_and_name(folder: Path) -> tuple[str, str]:
    return _ended(folder), folder.name


def _ended(folder: Path) -> str:
    """When a run ended (ISO 8601, UTC); empty if its run.json is missing or cannot be read."""
    try:
        signature = files.read_json_object(folder / SIGNED)
        return str(signature["ended"])
    except (OSError, ValueError, KeyError):
        return ""


@contextlib.contextmanager
def writing(folder: Path, any_error: bool = False) -> Iterator[None]:
    """Replace an OSError inside the block by DiskFull, whose message names a way out.

    Only errors that mean that the folder cannot be written are replaced (`badwire.util.errnos.NOT_WRITABLE`), or with
    `any_error` every OSError.
    """
    try:
        yield
    except OSError as error:
        if not any_error and error.errno not in NOT_WRITABLE:
            raise
        raise disk_full(folder, error) from error


def no_room(error: Exception) -> DiskFull | None:
    """Return the DiskFull for an error of writing that does not name its file; None for any other error."""
    if isinstance(error, OSError) and error.errno in NOT_WRITABLE and error.filename is None:
        return DiskFull(f"Nothing can be written: {error.strerror}; make room and try again.")
    return None


def disk_full(folder: Path, error: OSError) -> DiskFull:
    """Return the DiskFull for an error of writing to a run folder."""
    remedy = "name another with --out"
    if error.errno not in NOT_PERMITTED:
        remedy = f"make room, or {remedy}"
    return DiskFull(f"The run's folder {folder} cannot be written: {error.strerror}; {remedy}.")
