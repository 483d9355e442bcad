"""The cache of the Docker Engine's disks, beside the cache of kernels.

badwire/engine/base-0123456789ab.ext4                a Docker data root with the base image
badwire/engine/hosts-ba9876543210-0123456789ab.ext4  the same with the hosts' image of one checkout
badwire/engine/lock, .making/                        the lock and the directory of the process that makes disks now
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import DiskFull, KernelError, MachineError
from badwire.uml import cache
from badwire.util import locks
from badwire.util.errnos import NO_SPACE

ROOM = 1 << 30  # bytes that must be free to make disks: two disks of 210 MB, the tar file, and the tree that it has
_BUILDING = ".making"
UNUSED = 30 * 86400.0  # s after its last use, a disk is removed


def folder() -> Path:
    """The directory of all disks, whether it exists or not. Raises KernelError if the user has no home directory."""
    return cache.root().with_name("engine")


@contextlib.contextmanager
def held(ensure: Callable[[], Path]) -> Iterator[int]:
    """A descriptor of a disk's file, for reading. The file is not removed while the descriptor, or a copy that a child
    process has inherited, is open.

    Args:
        ensure: returns the path of the file, and makes the file if needed.
    """
    while True:
        try:
            file = ensure().open("rb")
        except FileNotFoundError:
            continue  # removed a moment ago
        with file:
            locks.lock(file, shared=True)
            descriptor = file.fileno()
            status = os.fstat(descriptor)
            is_removed = status.st_nlink == 0
            if is_removed:
                continue
            with contextlib.suppress(OSError):  # the cache may be read-only
                # The access time records the use: see remove_old.
                os.utime(descriptor, ns=(time.time_ns(), status.st_mtime_ns))
            yield descriptor
            return


@dataclass(frozen=True)
class DiskBuild:
    """What a process needs while it makes disks.

    Attributes:
        folder: an empty directory.
        lock: the descriptor of the cache's lock, which its child processes inherit.
    """

    folder: Path
    lock: int


@contextlib.contextmanager
def exclusive(progress: Callable[[str], None]) -> Iterator[DiskBuild]:
    """Hold the lock of the cache during a ``with`` block, to make disks. The remains of a killed process are removed.

    Args:
        progress: called with a sentence if another process holds the lock.

    Raises:
        DiskFull: there is not enough room.
        MachineError: the cache cannot be written.
    """
    with _writing():
        folder().mkdir(parents=True, exist_ok=True)
        lock = (folder() / "lock").open("w")
    with lock:
        if not locks.try_lock(lock):
            progress("another run makes the Docker Engine's disk: waiting for it")
            locks.lock(lock)
        scratch = folder() / _BUILDING
        with _writing():
            cache.discard(scratch)
            free = shutil.disk_usage(folder()).free
            if free < ROOM:
                needed = ROOM >> 20
                available = free >> 20
                raise DiskFull(
                    f"the Docker Engine's disk needs {needed} MB while it is made, and {folder()} has"
                    f" {available} MB left; make room, or set XDG_CACHE_HOME to a directory on another disk."
                )
            scratch.mkdir()
            try:
                yield DiskBuild(scratch, lock.fileno())
            finally:
                cache.discard(scratch)


def sweep() -> list[str]:
    """Remove what a process left that was killed while it made disks; return a sentence for each directory removed."""
    try:
        left = folder() / _BUILDING
        if not left.exists():
            return []
        with (folder() / "lock").open("w") as lock:
            if not locks.try_lock(lock):
                return []  # a disk is being made
            cache.discard(left)
    except (KernelError, OSError):
        return []  # the cache does not exist or cannot be read
    return [f"removed {left}, of a build of a disk that was killed"]


def remove_old(keep: set[Path], checkout: str) -> None:
    """Remove the older disks of this checkout, and all disks that were not used for UNUSED seconds.

    Args:
        keep: the disks to keep; disks in use are kept too.
        checkout: the checkout's digest, which is part of a disk's name.
    """
    for disk in set(folder().glob("*.ext4")) - keep:
        with disk.open("rb") as file:
            if not locks.try_lock(file):
                continue
            used_at = os.fstat(file.fileno()).st_atime
            is_unused = used_at < time.time() - UNUSED
            if checkout in disk.name or is_unused:
                disk.unlink()


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    """Raise DiskFull for an OSError of a full disk inside the block, and MachineError for any other OSError."""
    try:
        yield
    except OSError as error:
        kind = DiskFull if error.errno in NO_SPACE else MachineError
        raise kind(
            f"the Docker Engine's disk cannot be kept in {folder()}: {error.strerror}; make room there, or set"
            " XDG_CACHE_HOME to a directory that you may write."
        ) from error
