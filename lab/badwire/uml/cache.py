"""The cache of kernels in the user's cache directory, and the choice of the kernel that runs use.

    badwire/kernel/6.1.192-0123456789ab/    a kernel, named after its release, and a digest of configuration and source
    badwire/kernel/current-ba9876543210     a link to the kernel that runs use, one for each configuration
    badwire/kernel/source                   a link to the source that the user named last, unless it was Debian's
    badwire/kernel/lock, .building/         the lock and the directory of the build in progress
    badwire/kernel/build.log, trial.log     make's output of the last failed build; the console of a failed trial boot

Each configuration has a link of its own, so that two checkouts with different configurations do not rebuild the kernel
each time the other one has been used.
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
from badwire.uml import kernel_config, preload
from badwire.util import locks, user_cache
from badwire.util.errnos import NO_SPACE, NOT_PERMITTED

KEPT = 4  # the number of most recently used kernels that are kept; one takes 10 MB
IN_USE = 86400.0  # s; a kernel used within this time may be in use now: every run is shorter (badwire.options.LIMIT)
AROUND = Path(__file__).with_name("around.h")  # included when the kernel is compiled
ABOUT = "about.json"  # the kernel's release, source and compiler; a directory without this file is not a kernel


def root() -> Path:
    """The directory of all kernels, whether it exists or not. Raises KernelError if the user has no home directory."""
    try:
        return user_cache.root() / "kernel"
    except MachineError:
        raise KernelError("The kernel cannot be kept, since this user has no home; set XDG_CACHE_HOME.") from None


def former() -> Path:
    """The cache directory of the project's former name, whether it exists or not. Raises KernelError as ``root``."""
    return root().parent.with_name("netlab")


def configuration(*, docker: bool = True) -> str:
    """A digest of the options of a kernel, with or without those for Docker, and of around.h.

    Comments in the fragments, and the order of the options, do not change it.
    """
    text = kernel_config.fragment(docker=docker)
    wanted = kernel_config.options(text)
    in_order = sorted(wanted.items())
    data = repr(in_order).encode() + AROUND.read_bytes()
    return hashlib.sha256(data).hexdigest()[:12]


def current_link() -> Path:
    """The link to the kernel that runs use."""
    return root() / f"current-{configuration()}"


def link(path: Path, target: str | Path) -> None:
    """Make or replace a link atomically; other processes may do the same at the same time. Raises OSError."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    part.symlink_to(target)
    part.replace(path)


@contextlib.contextmanager
def exclusive(progress: Callable[[str], None]) -> Iterator[int]:
    """Hold the lock of the cache during a ``with`` block, which gets the lock's descriptor.

    The programs that a build starts inherit the descriptor, so the lock is free only when all of them have ended, even
    if the process that builds was killed.

    Args:
        progress: called with a sentence if another build holds the lock.

    Raises:
        DiskFull: the cache is on a full disk; raised for an OSError inside the block too.
        KernelError: the cache cannot be written; raised for an OSError inside the block too.
    """
    with _lock() as lock:
        if not locks.try_lock(lock):
            progress("another build of the kernel is under way: waiting for it")
            locks.lock(lock)
        with writing():
            yield lock.fileno()


def _lock() -> IO[str]:
    """Open the lock file. Raises DiskFull or KernelError if the cache cannot be written."""
    try:
        root().mkdir(parents=True, exist_ok=True)
        return (root() / "lock").open("w")
    except OSError as error:
        raise refusal(error) from error


@contextlib.contextmanager
def building() -> Iterator[Path]:
    """An empty directory to build in, removed at the end of the block. The caller holds the lock. Raises OSError."""
    folder = _building()
    discard(folder)  # left by a build that was killed
    folder.mkdir()
    try:
        yield folder
    finally:
        discard(folder)


def _building() -> Path:
    return root() / ".building"


def discard(folder: Path) -> None:
    """Remove a directory if it exists. Raises OSError."""
    if folder.exists():
        shutil.rmtree(folder)


def sweep() -> list[str]:
    """Remove the directory of a build that was killed; return a sentence for each directory removed."""
    try:
        left = _building()
        if not left.exists():
            return []
        with _lock() as lock:
            if not locks.try_lock(lock):
                return []  # the build still runs
            discard(left)
    except (MachineError, OSError):
        return []  # the cache does not exist or cannot be written
    return [f"removed {left}, of a build of the kernel that was killed"]


def remove_former() -> list[str]:
    """Remove the cache of the project's former name, unless it was used in the last IN_USE seconds.

    Returns:
        A sentence for the directory removed; empty if none was.
    """
    try:
        folder = former()
        times = [path.lstat().st_mtime for path in folder.glob("*/*")]
        used = max(times, default=0.0)
        if not folder.is_dir() or used >= time.time() - IN_USE:
            return []
        shutil.rmtree(folder)
    except (MachineError, OSError):
        return []  # there is no cache directory, or another process removes it at the same time
    return [f"removed {folder}, the cache of the project's former name"]


def last_source() -> str | None:
    """The source of the kernel that was used last, of any configuration; None if there is no kernel."""
    kernels = [BuiltKernel(about.parent) for about in root().glob(f"[!.]*/{ABOUT}") if not about.parent.is_symlink()]
    if not kernels:
        return None
    return max(kernels, key=lambda kernel: kernel.folder.stat().st_mtime).source


def available() -> list["BuiltKernel"]:
    """The kernels of the current configuration, the last used first. Kernels whose about.json does not record the
    configuration are left out, except for the one that runs use."""
    current = current_kernel()
    kernels = [] if current is None else [current]
    others = []
    for about in root().glob(f"[!.]*/{ABOUT}"):
        kernel = BuiltKernel(about.parent)
        is_link = kernel.folder.is_symlink()
        if not is_link and kernel not in kernels and kernel.configuration == configuration(docker=kernel.docker):
            others.append(kernel)
    others.sort(key=lambda kernel: kernel.folder.stat().st_mtime, reverse=True)
    return kernels + others


def make_current(folder: Path) -> "BuiltKernel":
    """Make the kernel in ``folder`` the one that runs use, and remove old ones. The caller holds the lock.

    Raises:
        KernelError: its preload.c has to be compiled, and cannot be.
        OSError: the cache cannot be written.
    """
    kernel = BuiltKernel(folder)
    if not kernel.preload_library.exists():
        preload.make(folder)
    os.utime(folder)
    link(current_link(), folder.name)
    remove_old()
    return kernel


def remove_old() -> None:
    """Remove all but the KEPT last used kernels, and those used in the last IN_USE seconds. The caller holds the lock.

    Raises:
        OSError: a kernel cannot be removed.
    """
    kernels = []
    for about in root().glob(f"[!.]*/{ABOUT}"):
        if not about.parent.is_symlink():
            kernels.append(about.parent)
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
    """Raise DiskFull for an OSError of a full disk inside the block, and KernelError for a missing permission."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE | NOT_PERMITTED:
            raise
        raise refusal(error) from error


def refusal(error: OSError) -> MachineError:
    """The error for a cache that cannot be written."""
    if error.errno in NO_SPACE:
        return full()
    return forbidden(error.strerror or str(error))


def forbidden(why: str) -> KernelError:
    """The error for a cache that this user may not write; ``why`` is the system's reason."""
    return KernelError(f"The kernel cannot be kept in {root()}: {why}; set XDG_CACHE_HOME to a directory of yours.")


def full() -> DiskFull:
    """The error for a cache on a full disk."""
    return DiskFull(f"There is not enough room to build the kernel in {root()}; free some, or set XDG_CACHE_HOME.")


@dataclass(frozen=True)
class BuiltKernel:
    """A kernel in the cache. It is not removed while it is used, even when a newer one becomes the current kernel."""

    folder: Path

    @property
    def linux(self) -> Path:
        """The kernel's executable. It has its symbols, one megabyte, for profilers and debuggers."""
        return self.folder / "linux"

    @property
    def preload_library(self) -> Path:
        """The shared library that is preloaded into it: preload.c, compiled."""
        return self.folder / preload.name()

    @cached_property
    def about(self) -> dict[str, Any]:
        """The contents of about.json, which the build wrote: release, source, compiler, configuration, seconds."""
        found: dict[str, Any] = json.loads((self.folder / ABOUT).read_text())
        return found

    @property
    def release(self) -> str:
        """The kernel's release, such as "6.1.192"."""
        return str(self.about["release"])

    @property
    def configuration(self) -> str | None:
        """The digest of the configuration that it was built with; None if about.json does not have it or is damaged."""
        try:
            found = self.about.get("configuration")
        except (OSError, ValueError, AttributeError):
            return None
        return None if found is None else str(found)

    @property
    def docker(self) -> bool:
        """Whether Docker Engine runs in it, also if about.json does not have it or is damaged."""
        try:
            return self.about.get("docker") is not False
        except (OSError, ValueError, AttributeError):
            return True

    @property
    def source(self) -> str:
        """The path of the source tree or archive that it was built from."""
        return str(self.about["source"])


def ready_kernel() -> BuiltKernel | None:
    """The kernel for the current configuration and the current preload.c; None if there is none. Takes 0.2 ms."""
    kernel = current_kernel()
    if kernel is None or not os.path.exists(kernel.preload_library):
        return None
    return kernel


def current_kernel() -> BuiltKernel | None:
    """The kernel for the current configuration; None if there is none. Its preload.c may still have to be compiled."""
    try:
        kernel = BuiltKernel(current_link().resolve())
    except KernelError:
        return None
    # os.path.exists returns False, and raises nothing, where this user may not read.
    is_complete = os.path.exists(kernel.linux) and os.path.exists(kernel.folder / ABOUT)
    if not is_complete:
        return None
    # The link is named after the configuration with Docker; a kernel without Docker may lack options added since.
    is_outdated = not kernel.docker and kernel.configuration != configuration(docker=False)
    return None if is_outdated else kernel
