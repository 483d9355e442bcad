"""The kernel that runs on the virtual clock use: whether there is one, which, and whether it runs here."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.errors import KernelError, LabError, MachineError
from lab.kernel import cache, preload


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
        """What is preloaded into it: seed.c, compiled."""
        return self.folder / preload.name()

    @cached_property
    def about(self) -> dict[str, Any]:
        """What it is and was built from, as the build wrote it down."""
        found: dict[str, Any] = json.loads((self.folder / cache.ABOUT).read_text())
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
    """The kernel for the present configuration and the present seed.c; None if there is none. Takes 0.2 ms."""
    kernel = there()
    return kernel if kernel is not None and os.path.exists(kernel.seed) else None


def ensure(tell: Callable[[str], None]) -> Kernel:
    """The kernel that runs use, built first if there is none: minutes, which ``tell`` is told about.

    It is built from what the last one was built from, if the user had named that, else from Debian's source.
    Raises MachineError.
    """
    kernel = there()
    if kernel is None:
        from lab.kernel import build, sources

        own = cache.root() / "source"
        return build.build(sources.named(own.readlink()) if os.path.islink(own) else sources.debian(), tell)
    if not kernel.seed.exists():
        with cache.writing():
            preload.make(kernel.folder)
    with contextlib.suppress(OSError):  # somebody else's, which may only be read
        os.utime(kernel.folder)  # was used: see cache.forget_old
    return kernel


def there() -> Kernel | None:
    """As cached, but whatever seed.c was: `ensure` compiles that in no time."""
    try:
        kernel = Kernel(cache.current().resolve())
    except KernelError:
        return None
    there = map(os.path.exists, (kernel.linux, kernel.folder / cache.ABOUT))  # not, where this user may not even look
    return kernel if all(there) else None


def trial(kernel: Kernel) -> MachineError | None:
    """None if the kernel runs here, found out by booting it as a run does; else the error. Takes about a second."""
    from lab.kernel import scratch
    from lab.kernel.box import Box, Job
    from lab.kernel.kept import console_of

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
