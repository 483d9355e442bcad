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
_MAKING = ".making"
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
            found = os.fstat(file.fileno())
            if not found.st_nlink:
                continue
            with contextlib.suppress(OSError):  # the cache may be read-only
                # The access time records the use: see forget.
                os.utime(file.fileno(), ns=(time.time_ns(), found.st_mtime_ns))
            yield file.fileno()
            return


@dataclass(frozen=True)
class Making:
    """What a process has that makes disks.

    Attributes:
        folder: an empty directory.
        lock: the descriptor of the cache's lock, which its child processes inherit.
    """

    folder: Path
    lock: int


@contextlib.contextmanager
def turn(tell: Callable[[str], None]) -> Iterator[Making]:
    """Hold the lock of the cache during a ``with`` block, to make disks. The remains of a killed process are removed.

    Args:
        tell: called with a sentence if another process holds the lock.

    Raises:
        DiskFull: there is not enough room.
        MachineError: the cache cannot be written.
    """
    with _writing():
        folder().mkdir(parents=True, exist_ok=True)
        lock = (folder() / "lock").open("w")
    with lock:
        if not locks.try_lock(lock):
            tell("another run makes the Docker Engine's disk: waiting for it")
            locks.lock(lock)
        making = folder() / _MAKING
        with _writing():
            cache.discard(making)
            free = shutil.disk_usage(folder()).free
            if free < ROOM:
                raise DiskFull(
                    f"the Docker Engine's disk takes {ROOM >> 20} MB while it is made, and {folder()} has"
                    f" {free >> 20} left; make room, or set XDG_CACHE_HOME to a folder on another disk."
                )
            making.mkdir()
            try:
                yield Making(making, lock.fileno())
            finally:
                cache.discard(making)


def sweep() -> list[str]:
    """Remove what a process left that was killed while it made disks; return a sentence for each directory removed."""
    try:
        left = folder() / _MAKING
        if not left.exists():
            return []
        with (folder() / "lock").open("w") as lock:
            if not locks.try_lock(lock):
                return []  # a disk is being made
            cache.discard(left)
    except (KernelError, OSError):
        return []  # the cache does not exist or cannot be read
    return [f"removed {left}, of a disk whose maker was killed"]


def forget(keep: set[Path], checkout: str) -> None:
    """Remove the older disks of this checkout, and all disks that were not used for UNUSED seconds.

    Args:
        keep: the disks to keep; disks in use are kept too.
        checkout: the checkout's digest, which is part of a disk's name.
    """
    for disk in set(folder().glob("*.ext4")) - keep:
        with disk.open("rb") as file:
            if not locks.try_lock(file):
                continue
            if checkout in disk.name or os.fstat(file.fileno()).st_atime < time.time() - UNUSED:
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
            " XDG_CACHE_HOME to a folder that you may write."
        ) from error
