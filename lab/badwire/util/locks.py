"""Locks between processes on open files and directories (flock(2)).

A lock belongs to the open file description, which child processes share through the descriptors that they inherit. The
kernel releases the lock when the last of these descriptors is closed, also when a process is killed.
"""

import fcntl
from typing import Protocol


class HasFileno(Protocol):
    """An open file or directory."""

    def fileno(self) -> int:
        """Its descriptor."""


def lock(file: int | HasFileno, *, shared: bool = False) -> None:
    """Lock an open file; wait while another process holds a conflicting lock.

    Args:
        shared: whether other processes may hold a shared lock at the same time.

    Raises:
        OSError: the file system has no locks.
    """
    fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def try_lock(file: int | HasFileno, *, shared: bool = False) -> bool:
    """Lock an open file without waiting; False if another process holds a conflicting lock.

    Args:
        shared: whether other processes may hold a shared lock at the same time.

    Raises:
        OSError: the file system has no locks.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
