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
from badwire.uml.build.sources import DEBIAN, PACKAGE, Source
from badwire.uml.preload import C

# The programs that a build calls and the Debian packages that have them, found by building on a system with nothing
# else installed. The assembler and the linker come with gcc.
_TOOLS = {"make": "make", "gcc": "gcc", "flex": "flex", "bison": "bison", "bc": "bc", "tar": "tar"}
_HEADERS, _LIBC = "the C library's headers", "libc6-dev"
# Bytes on the disk: the maximum during a build, measured with Linux 6.1, 6.12 and 7.3, plus a fifth.
_OBJECTS, _UNPACKED = 180_000_000, 900_000_000


def check_machine(machine: str | None = None) -> None:
    """Raise KernelError for an architecture that User-Mode Linux does not support; None is this machine's."""
    machine = machine or platform.machine()
    if machine != "x86_64":
        raise KernelError(
            f"User-Mode Linux, which the virtual clock is, runs on x86_64 and not on {machine}; take --clock real here."
        )


def obstacle(source: Source | None) -> KernelError | None:
    """The error that a build of the kernel would raise now; None if no obstacle is known."""
    try:
        check_machine()
        folder = cache.root()
    except KernelError as error:
        return error
    if lacking := missing(source):
        return lack(lacking)
    there = next(place for place in (folder, *folder.parents) if os.path.exists(place))
    if not there.is_dir():
        return cache.forbidden(os.strerror(errno.ENOTDIR))
    return None if os.access(there, os.W_OK | os.X_OK) else cache.forbidden(os.strerror(errno.EACCES))


def lack(missing: Mapping[str, str]) -> KernelError:
    """The error that names everything in ``missing``, with the command that installs it."""
    things, packages = list(missing), dict.fromkeys(missing.values())
    named = things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"
    return KernelError(
        f"The kernel cannot be built here, for want of {named}; install what it takes"
        f" (apt-get install {' '.join(packages)}), then run `make kernel`."
    )


def missing(source: Source | None) -> dict[str, str]:
    """The name of each missing requirement, and the Debian package that has it."""
    tools = dict(_TOOLS)
    if source is not None and source.archived and (unpacker := source.unpacker()):
        tools[unpacker[0]] = unpacker[1]
    found = {tool: package for tool, package in tools.items() if shutil.which(tool) is None}
    if not _has_headers():
        found[_HEADERS] = _LIBC
    if source is None:
        found[f"a Linux source (in {DEBIAN}, or named by SOURCE=)"] = PACKAGE
    return found


def _has_headers() -> bool:
    if shutil.which("gcc") is None:
        return Path("/usr/include/stdlib.h").exists()
    done = subprocess.run(["gcc", "-fsyntax-only", C], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


def room(source: Source) -> int:
    """The room that a build from this source needs on the disk, in bytes."""
    return _OBJECTS + (_UNPACKED if source.archived else 0)


def unsuitable(folder: Path) -> str | None:
    """Why a kernel cannot be built in this directory, as the end of a sentence; None if it can."""
    if re.search(r"[\s:]", str(folder)):
        return "has a space or a colon in its name, and the kernel's Makefile cannot bear that"
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return "is on a file system from which no program may be run (noexec)"
    return None
