"""The kernel that runs on the virtual clock use: whether there is one, which, and whether it runs here."""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from badwire.errors import KernelError, LabError, MachineError
from badwire.uml import cache, preload
from badwire.uml.cache import Kernel, there


def ensure(tell: Callable[[str], None]) -> Kernel:
    """The kernel that runs use, built first if there is none: minutes, which ``tell`` is told about.

    It is built from what the last one was built from, if the user had named that, else from Debian's source.
    Raises MachineError.
    """
    kernel = there()
    if kernel is None:
        from badwire.uml.build import build, sources

        own = cache.root() / "source"
        return build.build(sources.named(own.readlink()) if os.path.islink(own) else sources.debian(), tell)
    if not kernel.seed.exists():
        with cache.writing():
            preload.make(kernel.folder)
    with contextlib.suppress(OSError):  # somebody else's, which may only be read
        os.utime(kernel.folder)  # was used: see cache.forget_old
    return kernel


def trial(kernel: Kernel) -> MachineError | None:
    """None if the kernel runs here, found out by booting it as a run does; else the error. Takes about a second."""
    from badwire.uml import scratch
    from badwire.uml.machine import Box, Job, console_of

    with scratch.folder() as folder:
        try:
            Box(kernel, folder).run(Job(call="os.getpid"), lambda name, data: None)
        except LabError as error:
            said = _with_its_console(str(error), console_of(folder))
            return type(error)(said) if isinstance(error, MachineError) else KernelError(said)
    return None


def _with_its_console(said: str, console: Path) -> str:
    """The sentence, if it names the console, with the name of a copy that stays."""
    if str(console) not in said:
        return said
    kept = cache.root() / "trial.log"
    try:
        shutil.copyfile(console, kept)
    except OSError:
        return said
    return said.replace(str(console), str(kept))
