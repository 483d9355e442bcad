"""Checks whether this machine can build the kernel; an error names all that is missing, and how to install it."""

import errno
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from badwire.errors import KernelError
from badwire.uml import cache
from badwire.uml.build.sources import DEBIAN, PACKAGE, KernelSource
from badwire.uml.preload import C

# The programs that a build calls and the Debian packages that have them, found by building on a system with nothing
# else installed. The assembler and the linker come with gcc.
_TOOLS = {
    "make": "make",
    "gcc": "gcc",
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "tar": "tar",
}
_HEADERS = "the C library's headers"
_HEADERS_PACKAGE = "libc6-dev"
# Bytes on the disk: the maximum during a build, measured with Linux 6.1, 6.12 and 7.3, plus a fifth.
_OBJECTS = 180_000_000
_UNPACKED = 900_000_000


def check_machine(machine: str | None = None) -> None:
    """Raise KernelError for an architecture that User-Mode Linux does not support; None is this machine's."""
    machine = machine or platform.machine()
    if machine != "x86_64":
        raise KernelError(
            f"The virtual clock is a User-Mode Linux kernel, which runs on x86_64 and not on {machine};"
            " use --clock real here."
        )


def obstacle(source: KernelSource | None) -> KernelError | None:
    """The error that a build of the kernel would raise now; None if no obstacle is known."""
    try:
        check_machine()
        folder = cache.root()
    except KernelError as error:
        return error
    lacking = missing(source)
    if lacking:
        return lack(lacking)
    existing = folder
    while not os.path.exists(existing):
        existing = existing.parent
    if not existing.is_dir():
        return cache.forbidden(os.strerror(errno.ENOTDIR))
    if not os.access(existing, os.W_OK | os.X_OK):
        return cache.forbidden(os.strerror(errno.EACCES))
    return None


def lack(missing: Mapping[str, str]) -> KernelError:
    """The error that names everything in ``missing``, with the command that installs it."""
    *others, last = missing
    names = f"{', '.join(others)} and {last}" if others else last
    distinct = dict.fromkeys(missing.values())
    packages = " ".join(distinct)
    return KernelError(
        f"The kernel cannot be built here without {names}; install what is missing (apt-get install {packages}),"
        " then run `make kernel`."
    )


def missing(source: KernelSource | None) -> dict[str, str]:
    """The name of each missing requirement, and the Debian package that has it."""
    tools = dict(_TOOLS)
    if source is not None and source.archived:
        decompressor = source.decompressor()
        if decompressor is not None:
            tools[decompressor.program] = decompressor.package
    found = {}
    for tool, package in tools.items():
        if shutil.which(tool) is None:
            found[tool] = package
    if not _has_headers():
        found[_HEADERS] = _HEADERS_PACKAGE
    if source is None:
        found[f"a Linux source (in {DEBIAN}, or named by SOURCE=)"] = PACKAGE
    return found


def _has_headers() -> bool:
    if shutil.which("gcc") is None:
        return Path("/usr/include/stdlib.h").exists()
    done = subprocess.run(
        ["gcc", "-fsyntax-only", C],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def room(source: KernelSource) -> int:
    """The room that a build from this source needs on the disk, in bytes."""
    if source.archived:
        return _OBJECTS + _UNPACKED
    return _OBJECTS


def unsuitable(folder: Path) -> str | None:
    """Why a kernel cannot be built in this directory, as the end of a sentence; None if it can."""
    if re.search(r"[\s:]", str(folder)):
        return "has a space or a colon in its name, which the kernel's Makefile does not allow"
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return "is on a file system from which no program may be run (noexec)"
    return None
