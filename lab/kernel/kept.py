"""What a kernel leaves in its run's folder, held by descriptors: a job may do with its folder what it likes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from lab.errors import BadOption
from lab.kernel.words import AUX

_ROOM = 1 << 16  # bytes; more than the kernel's own small files took, which are gone when it has ended


def console_of(folder: Path) -> Path:
    """The file that keeps what a kernel with that folder wrote on its console."""
    return folder.resolve() / AUX / "console"


@contextmanager
def taken(folder: Path) -> Iterator[int]:
    """A descriptor of the folder, which belongs to this run alone meanwhile. Raises BadOption."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadOption(f"Another kernel runs with the folder {folder.parent}; name another with --out.") from None
        yield held
    finally:
        os.close(held)


def all_of(file: FileIO) -> str:
    """What is in the file."""
    file.seek(0)
    return file.read().decode(errors="replace")


def is_full(file: FileIO) -> bool:
    """Whether its disk is so full that something may not have been written, found out by trying."""
    end = file.seek(0, os.SEEK_END)
    try:
        return file.write(bytes(_ROOM)) < _ROOM
    except OSError:
        return True
    finally:
        file.truncate(end)
