"""Finds the kernel for the virtual clock, builds it if there is none, and tests whether it runs on this machine."""

import contextlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from badwire.errors import KernelError, LabError, MachineError
from badwire.uml import cache, preload
from badwire.uml.cache import BuiltKernel


def ensure(progress: Callable[[str], None], release: str = "", *, docker: bool = False) -> BuiltKernel:
    """The kernel that runs use. If there is none it is built first, which takes minutes.

    It is built from the source that the user named last; else from that of Debian's from which a kernel was built
    before, even if a newer one has been installed since; else from the newest of Debian's.

    Args:
        progress: called with each step of the build.
        release: the kernel of this release in place of the one that runs use, or of the newest release that begins so:
            "6.12" stands for "6.12.117" too. It is not built.
        docker: whether Docker Engine is to run in the kernel.

    Raises:
        KernelError: there is no kernel of this release, or it was built without Docker.
        MachineError: the kernel cannot be built on this machine.
    """
    kernel = built(release) if release else cache.current_kernel()
    if kernel is None:
        from badwire.uml.build import build, sources

        source = sources.debian_again(cache.last_source())
        link = cache.root() / "source"
        if os.path.islink(link):
            source = sources.named(link.readlink())
        return build.build(source, progress)
    if docker and not kernel.docker:
        raise KernelError(
            f"Linux {kernel.release} in the cache was built without Docker; `badwire kernel build {kernel.source}`"
            " builds it with Docker, or choose --substrate netns."
        )
    if not kernel.preload_library.exists():
        with cache.writing():
            preload.make(kernel.folder)
    with contextlib.suppress(OSError):  # the cache may be read-only
        os.utime(kernel.folder)  # cache.remove_old reads when the kernel was used last
    return kernel


def built(release: str) -> BuiltKernel:
    """The kernel in the cache of this release, or of the newest release that begins so; one with Docker if there are
    two. Raises KernelError."""
    available = cache.available()
    matching = [kernel for kernel in available if _is_of(kernel, release)]
    if not matching:
        releases = ", ".join(kernel.release for kernel in available) or "none"
        raise KernelError(
            f"There is no kernel {release} for the virtual clock (there is: {releases});"
            " `badwire kernel build SOURCE` builds one from a source of that release."
        )
    return max(matching, key=lambda kernel: (_numbers(kernel.release), kernel.docker))


def _is_of(kernel: BuiltKernel, release: str) -> bool:
    """Whether the kernel is of a release, or of one that begins with its numbers: 6.1.192 is of 6.1, 6.12.3 is not."""
    return kernel.release == release or kernel.release.startswith((f"{release}.", f"{release}-"))


def _numbers(release: str) -> list[int]:
    """The numbers in a release, in order: [6, 1, 192] for "6.1.192"."""
    return [int(number) for number in re.findall(r"\d+", release)]


def trial(kernel: BuiltKernel) -> MachineError | None:
    """Boot the kernel as a run does; return the error, or None if it runs here. Takes about a second."""
    from badwire.uml import scratch
    from badwire.uml.machine import Job, Machine, console_of

    with scratch.folder() as folder:
        try:
            machine = Machine(kernel, folder)
            machine.run(Job(call="os.getpid"), lambda name, data: None)
        except LabError as error:
            message = _with_saved_console(str(error), console_of(folder))
            if isinstance(error, MachineError):
                return type(error)(message)
            return KernelError(message)
    return None


def _with_saved_console(message: str, console: Path) -> str:
    """The sentence with the console's path replaced by that of a copy, since the console's folder is removed."""
    if str(console) not in message:
        return message
    copy = cache.root() / "trial.log"
    try:
        shutil.copyfile(console, copy)
    except OSError:
        return message
    return message.replace(str(console), str(copy))
