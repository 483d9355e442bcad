"""What it takes to build the kernel, found out by looking; what is lacking is named all at once, with the remedy."""

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

# What a build of our fragment calls, and Debian's packages that have it: tried in a system with nothing else. Assembler
# and linker come with gcc.
_TOOLS = {"make": "make", "gcc": "gcc", "flex": "flex", "bison": "bison", "bc": "bc", "tar": "tar"}
_HEADERS, _LIBC = "the C library's headers", "libc6-dev"
# Bytes on the disk at a build's largest, measured with 6.1, 6.12 and 7.3, and a fifth to spare.
_OBJECTS, _UNPACKED = 180_000_000, 900_000_000


def check_machine(machine: str | None = None) -> None:
    """Raises KernelError on an architecture that User-Mode Linux does not know; None: this machine's."""
    machine = machine or platform.machine()
    if machine != "x86_64":
        raise KernelError(
            f"User-Mode Linux, which the virtual clock is, runs on x86_64 and not on {machine}; take --clock real here."
        )


def obstacle(source: Source | None) -> KernelError | None:
    """Why the kernel could not be built here and now, if something is known to be in the way."""
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
    """The sentence for all that is missing, with the command that installs it."""
    things, packages = list(missing), dict.fromkeys(missing.values())
    named = things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"
    return KernelError(
        f"The kernel cannot be built here, for want of {named}; install what it takes"
        f" (apt-get install {' '.join(packages)}), then run `make kernel`."
    )


def missing(source: Source | None) -> dict[str, str]:
    """What is not there, in words, and the Debian package that has it."""
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
    """Bytes that a build from this source takes on the disk."""
    return _OBJECTS + (_UNPACKED if source.archived else 0)


def unsuitable(folder: Path) -> str | None:
    """Why a kernel cannot be built in this folder; None if it can."""
    if re.search(r"[\s:]", str(folder)):
        return "has a space or a colon in its name, and the kernel's Makefile cannot bear that"
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return "is on a file system from which no program may be run (noexec)"
    return None
