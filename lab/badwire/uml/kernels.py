"""Finds the kernel for the virtual clock, builds it if there is none, and tests whether it runs on this machine."""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from badwire.errors import KernelError, LabError, MachineError
from badwire.uml import cache, preload
from badwire.uml.cache import BuiltKernel


def ensure(progress: Callable[[str], None]) -> BuiltKernel:
    """The kernel that runs use. If there is none it is built first, which takes minutes.

    It is built from the source that the user named last, or from Debian's if the user named none.

    Args:
        progress: called with each step of the build.

    Raises:
        MachineError: the kernel cannot be built on this machine.
    """
    kernel = cache.current_kernel()
    if kernel is None:
        from badwire.uml.build import build, sources

        own = cache.root() / "source"
        return build.build(sources.named(own.readlink()) if os.path.islink(own) else sources.debian(), progress)
    if not kernel.preload_library.exists():
        with cache.writing():
            preload.make(kernel.folder)
    with contextlib.suppress(OSError):  # the cache may be read-only
        os.utime(kernel.folder)  # cache.remove_old reads when the kernel was used last
    return kernel


def trial(kernel: BuiltKernel) -> MachineError | None:
    """Boot the kernel as a run does; return the error, or None if it runs here. Takes about a second."""
    from badwire.uml import scratch
    from badwire.uml.machine import Job, Machine, console_of

    with scratch.folder() as folder:
        try:
            Machine(kernel, folder).run(Job(call="os.getpid"), lambda name, data: None)
        except LabError as error:
            said = _with_its_console(str(error), console_of(folder))
            return type(error)(said) if isinstance(error, MachineError) else KernelError(said)
    return None


def _with_its_console(said: str, console: Path) -> str:
    """The sentence with the console's path replaced by that of a copy, since the console's folder is removed."""
    if str(console) not in said:
        return said
    kept = cache.root() / "trial.log"
    try:
        shutil.copyfile(console, kept)
    except OSError:
        return said
    return said.replace(str(console), str(kept))
