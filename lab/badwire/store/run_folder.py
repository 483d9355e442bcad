"""Where runs leave what they saw: RUNS/SCENARIO/TIME/, with a link `latest` beside the times.

Any number of runs may make their folders in the same moment: a folder is made by one of them only, and the link is
replaced in one step.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from badwire.errors import BadRun, DiskFull
from badwire.util import files as objects
from badwire.util.errnos import NOT_WRITABLE

DEFAULT = Path("runs")
SIGNED = "run.json"
EVIDENCE = "evidence.jsonl"


def make(base: Path, scenario: str) -> Path:
    """A fresh folder for a run, named after the moment (UTC). Raises DiskFull."""
    with writing(base, whatever=True):
        parent = base / scenario
        parent.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        for number in count(1):
            name = now if number == 1 else f"{now}-{number}"
            folder = parent / name
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    raise AssertionError("count() does not end")


def sign(folder: Path, seconds: float) -> None:
    """Say when the run was made (UTC) and how long that took in real time.

    In a file of its own, for all else that a run on the virtual clock leaves is the same the next time. Raises OSError.
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
    """Let `latest` point to this run. Raises DiskFull."""
    pid = os.getpid()
    part = folder.parent / f".latest.{folder.name}.{pid}"
    with writing(folder):
        part.symlink_to(folder.name)
        part.replace(folder.parent / "latest")


def find(name: str) -> Path:
    """The folder of a saved run, given its path (`runs/timewait/latest` too). Raises BadRun."""
    folder = Path(name)
    if not (folder / EVIDENCE).is_file():
        why = f"holds no {EVIDENCE}" if folder.is_dir() else "is no folder"
        raise BadRun(f"{name} {why}: give a run's folder, such as runs/timewait/latest.")
    return folder


def found_in(bases: Iterable[Path]) -> list[Path]:
    """Every run's folder in these folders, the oldest first; a folder that is a run's own stands for itself."""
    folders: set[Path] = set()
    for base in bases:
        for depth in ("", "*/", "*/*/"):
            files = base.glob(depth + EVIDENCE)
            folders.update(file.parent.resolve() for file in files)
    return sorted(folders, key=lambda folder: (_ended(folder), folder.name))


def _ended(folder: Path) -> str:
    """When a run ended (ISO 8601, UTC); empty if it was never signed."""
    try:
        signature = objects.read_json_object(folder / SIGNED)
        return str(signature["ended"])
    except (OSError, ValueError, KeyError):
        return ""


@contextlib.contextmanager
def writing(folder: Path, whatever: bool = False) -> Iterator[None]:
    """Turn a disk's refusal inside the block (or `whatever` the error is) into DiskFull, a sentence with a way out."""
    try:
        yield
    except OSError as error:
        if not whatever and error.errno not in NOT_WRITABLE:
            raise
        raise disk_full(folder, error) from error


def no_room(error: Exception) -> DiskFull | None:
    """The sentence for the refusal of a file or stream that nobody can name; None for another error."""
    if isinstance(error, OSError) and error.errno in NOT_WRITABLE and error.filename is None:
        return DiskFull(f"Nothing can be written: {error.strerror}; make room and try again.")
    return None


def disk_full(folder: Path, error: OSError) -> DiskFull:
    """The sentence for a disk's refusal."""
    return DiskFull(
        f"The run's folder {folder} cannot be written: {error.strerror}; make room, or name another with --out."
    )
