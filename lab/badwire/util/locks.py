"""Locks between processes on open files and directories (flock(2)).

A lock belongs to the open file: the kernel releases it when the last descriptor of that is closed, those that a child
process inherited included, however the processes end.
"""

import fcntl
from typing import Protocol


class HasFileno(Protocol):
    """An open file."""

    def fileno(self) -> int:
        """Its descriptor."""


def lock(file: int | HasFileno, *, shared: bool = False) -> None:
    """Lock an open file, and wait as long as another process has a lock that excludes this one.

    Args:
        shared: whether other processes may have a shared lock at the same time.

    Raises:
        OSError: the file system has no locks.
    """
    fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def try_lock(file: int | HasFileno, *, shared: bool = False) -> bool:
    """Lock an open file without waiting; False if another process has a lock that excludes this one.

    Args:
        shared: whether other processes may have a shared lock at the same time.

    Raises:
        OSError: the file system has no locks.
    """
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
