"""Where the disks of the Docker Engine in the lab's own kernel are kept, beside the kernel itself.

badwire/engine/base-0123456789ab.ext4                a Docker data root with the base image
badwire/engine/hosts-ba9876543210-0123456789ab.ext4  the same with the hosts' image of one checkout
badwire/engine/lock, .making/                        held, and filled, by the one who makes disks at the moment
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

ROOM = 1 << 30  # bytes that must be free to make disks: two of 210 MB, and the tar file and its origin as much
_MAKING = ".making"
UNUSED = 30 * 86400.0  # s after which a disk that nobody used is removed


def folder() -> Path:
    """The folder of all disks; it need not be there. Raises KernelError for a user who has no home."""
    return cache.root().with_name("engine")


@contextlib.contextmanager
def held(ensure: Callable[[], Path]) -> Iterator[int]:
    """The disk's file, open for reading; nobody removes it while this descriptor, or one that inherits it, is open."""
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
            with contextlib.suppress(OSError):  # a cache that may only be read will do
                os.utime(file.fileno(), ns=(time.time_ns(), found.st_mtime_ns))  # used now, and as it was made
            yield file.fileno()
            return


@dataclass(frozen=True)
class Making:
    """What whoever makes disks has: an empty folder, and the ``lock``, a descriptor, which what it starts inherits."""

    folder: Path
    lock: int


@contextlib.contextmanager
def turn(tell: Callable[[str], None]) -> Iterator[Making]:
    """Wait for our turn to make disks. What a dead one left there is removed.

    Raises DiskFull or MachineError if the folder cannot be written.
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
    """Remove what was left by one who was killed while making disks; what was removed, in words."""
    try:
        left = folder() / _MAKING
        if not left.exists():
            return []
        with (folder() / "lock").open("w") as lock:
            if not locks.try_lock(lock):
                return []  # a disk is being made
            cache.discard(left)
    except (KernelError, OSError):
        return []  # no place for disks
    return [f"removed {left}, of a disk whose maker was killed"]


def forget(keep: set[Path], checkout: str) -> None:
    """Remove the disks that this checkout had before, and those that nobody has used for long, but none in use."""
    for disk in set(folder().glob("*.ext4")) - keep:
        with disk.open("rb") as file:
            if not locks.try_lock(file):
                continue
            if checkout in disk.name or os.fstat(file.fileno()).st_atime < time.time() - UNUSED:
                disk.unlink()


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    """Turn a disk's refusal inside the block into one sentence. Raises DiskFull or MachineError."""
    try:
        yield
    except OSError as error:
        kind = DiskFull if error.errno in NO_SPACE else MachineError
        raise kind(
            f"the Docker Engine's disk cannot be kept in {folder()}: {error.strerror}; make room there, or set"
            " XDG_CACHE_HOME to a folder that you may write."
        ) from error
