"""Where kernels are kept, outside the project, and which of them is used.

    badwire/kernel/6.1.192-0123456789ab/    a kernel, named after its release and a digest of what it was built from
    badwire/kernel/current-ba9876543210     a link to the one that runs use, for each configuration
    badwire/kernel/source                   a link to the source that the user named last, if that was not Debian's
    badwire/kernel/lock, .building/         held, and filled, by the one build that is under way
    badwire/kernel/build.log, trial.log     what make said when a build failed last, and a kernel that did not boot

A checkout with another configuration has a link of its own, so that two checkouts do not build in turns.
"""

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from badwire.errors import DiskFull, KernelError, MachineError
from badwire.uml import preload
from badwire.uml.kernel_config import FRAGMENT, options
from badwire.util import locks
from badwire.util.errnos import NO_SPACE, NOT_PERMITTED

KEPT = 4  # kernels, the ones used last; one takes 10 MB
IN_USE = 86400.0  # s; one that was used so lately may be in use now: no run is as long (badwire.options.LIMIT)
AROUND = Path(__file__).with_name("around.h")  # compiled into the kernel, see there
ABOUT = "about.json"  # what a kernel is and was built from; a folder without it is no kernel


def root() -> Path:
    """The folder of all kernels; it need not be there. Raises KernelError for a user who has no home."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(named) if os.path.isabs(named) else Path.home() / ".cache"
    except RuntimeError:
        raise KernelError("The kernel cannot be kept, since this user has no home; set XDG_CACHE_HOME.") from None
    return base / "badwire" / "kernel"


def former() -> Path:
    """The folder that the project had in the cache under its former name; it need not be there. Raises KernelError."""
    return root().parent.with_name("netlab")


def configuration() -> str:
    """A digest of what is asked for of any source; reasons and order of the options may change without a new kernel."""
    wanted = sorted(options(FRAGMENT.read_text()).items())
    return hashlib.sha256(repr(wanted).encode() + AROUND.read_bytes()).hexdigest()[:12]


def current() -> Path:
    """The link to the kernel that runs use."""
    return root() / f"current-{configuration()}"


def link(path: Path, target: str | Path) -> None:
    """Make or replace a link, in one step, whoever else does so at the same time. Raises OSError."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    part.symlink_to(target)
    part.replace(path)


@contextlib.contextmanager
def turn(tell: Callable[[str], None]) -> Iterator[int]:
    """Wait for our turn to build. Gives the lock's descriptor, for whatever the build starts to inherit.

    So the lock is free when all of that has ended, whatever became of the build itself. Raises DiskFull or KernelError,
    also for what the disk refuses inside the block.
    """
    with _lock() as lock:
        if not locks.try_lock(lock):
            tell("another build of the kernel is under way: waiting for it")
            locks.lock(lock)
        with writing():
            yield lock.fileno()


def _lock() -> IO[str]:
    """Raises DiskFull or KernelError."""
    try:
        root().mkdir(parents=True, exist_ok=True)
        return (root() / "lock").open("w")
    except OSError as error:
        raise refusal(error) from error


@contextlib.contextmanager
def building() -> Iterator[Path]:
    """An empty folder to build in, gone afterwards. For whoever holds the lock. Raises OSError."""
    folder = _building()
    discard(folder)  # of a build that was killed
    folder.mkdir()
    try:
        yield folder
    finally:
        discard(folder)


def _building() -> Path:
    return root() / ".building"


def discard(folder: Path) -> None:
    """Remove a folder if it is there. Raises OSError."""
    if folder.exists():
        shutil.rmtree(folder)


def sweep() -> list[str]:
    """Remove what a build left that was killed; what was removed, in words."""
    try:
        left = _building()
        if not left.exists():
            return []
        with _lock() as lock:
            if not locks.try_lock(lock):
                return []  # the build is alive
            discard(left)
    except (MachineError, OSError):
        return []  # no place for kernels
    return [f"removed {left}, of a build of the kernel that was killed"]


def forget_former() -> list[str]:
    """Remove the cache that the project had under its former name, unless somebody used it lately; in words."""
    try:
        left = former()
        used = max((path.lstat().st_mtime for path in left.glob("*/*")), default=0.0)
        if not left.is_dir() or used >= time.time() - IN_USE:
            return []
        shutil.rmtree(left)
    except (MachineError, OSError):
        return []  # no place for kernels, or another is at it
    return [f"removed {left}, the cache of the project's former name"]


def forget_old() -> None:
    """Remove the kernels that were neither among the last used nor used lately. For whoever holds the lock."""
    kernels = [about.parent for about in root().glob(f"[!.]*/{ABOUT}") if not about.parent.is_symlink()]
    kernels.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in kernels[KEPT:]:
        if folder.stat().st_mtime < time.time() - IN_USE:
            (folder / ABOUT).unlink()
            discard(folder)
    for pointer in root().glob("current-*"):
        if not pointer.exists():
            pointer.unlink()


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Turn a disk's refusal inside the block into one sentence. Raises DiskFull or KernelError."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE | NOT_PERMITTED:
            raise
        raise refusal(error) from error


def refusal(error: OSError) -> MachineError:
    """The sentence for a folder that cannot be written."""
    return full() if error.errno in NO_SPACE else forbidden(error.strerror or str(error))


def forbidden(why: str) -> KernelError:
    """The sentence for a folder that may not be written."""
    return KernelError(f"The kernel cannot be kept in {root()}: {why}; set XDG_CACHE_HOME to a folder of yours.")


def full() -> DiskFull:
    """The sentence for a disk without room."""
    return DiskFull(f"There is not enough room to build the kernel in {root()}; make some, or set XDG_CACHE_HOME.")


@dataclass(frozen=True)
class Kernel:
    """A kernel in the cache. It stays there while it is used, also when another takes its place meanwhile."""

    folder: Path

    @property
    def linux(self) -> Path:
        """The kernel, a program. With its symbols: they are a megabyte, and what a profiler or a debugger shows."""
        return self.folder / "linux"

    @property
    def seed(self) -> Path:
        """What is preloaded into it: preload.c, compiled."""
        return self.folder / preload.name()

    @cached_property
    def about(self) -> dict[str, Any]:
        """What it is and was built from, as the build wrote it down."""
        found: dict[str, Any] = json.loads((self.folder / ABOUT).read_text())
        return found

    @property
    def release(self) -> str:
        """Such as "6.1.192"."""
        return str(self.about["release"])

    @property
    def source(self) -> str:
        """The path of the tree or the archive that it was built from."""
        return str(self.about["source"])


def cached() -> Kernel | None:
    """The kernel for the present configuration and the present preload.c; None if there is none. Takes 0.2 ms."""
    kernel = there()
    return kernel if kernel is not None and os.path.exists(kernel.seed) else None


def there() -> Kernel | None:
    """As cached, but whatever preload.c was: `ensure` compiles that in no time."""
    try:
        kernel = Kernel(current().resolve())
    except KernelError:
        return None
    there = map(os.path.exists, (kernel.linux, kernel.folder / ABOUT))  # not, where this user may not even look
    return kernel if all(there) else None
