"""The modules that runs on the virtual clock import, compiled once and kept.

The compiled modules beside the sources (``__pycache__``) may or may not exist, depending on what ran before. Reading
them and compiling the sources take different system calls, which shift the kernel's clock and its random numbers. So
Python in the kernel reads compiled modules from here only (PYTHONPYCACHEPREFIX), and compiles a module that is not
here.

    badwire/bytecode/0123456789ab/    named after a digest of Python, the lab's sources, and where both are
"""

import errno
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from badwire.errors import KernelError
from badwire.uml import scratch
from badwire.uml.paths import ENVIRONMENT
from badwire.util import project, user_cache

KEPT = 4  # how many of the last used directories are kept, at least; one takes 10 MB
IN_USE = 3600.0  # s; a directory used within this time may be in use now


@contextmanager
def compiled() -> Iterator[Path]:
    """The directory with the compiled modules, which are compiled first if they are not there: 4 s of processor time.

    If they cannot be kept, they are in a temporary directory, which is removed at the end of the block.

    Raises:
        DiskFull: no temporary directory can be made.
        KernelError: the modules cannot be compiled.
        MachineError: the user has no cache directory.
    """
    folder = user_cache.root() / "bytecode" / _digest()
    if folder.is_dir() or _is_made(folder):
        with suppress(OSError):  # the cache may be read-only
            os.utime(folder)
        yield folder
    else:
        with scratch.folder() as temporary:
            made = temporary / folder.name
            _compile(made)
            yield made


def _is_made(folder: Path) -> bool:
    """Make the directory; return whether the cache could be written."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _compile(folder)
        _remove_old(folder.parent)
    except OSError:
        return folder.is_dir()
    return True


def _digest() -> str:
    """A digest of what the compiled modules depend on: Python, the installed packages, the lab, and their paths."""
    packages = sorted(f"{one.name} {one.version}" for one in importlib.metadata.distributions())
    digest = hashlib.sha256(repr((sys.version, sys.executable, sys.prefix, packages)).encode())
    for file in sorted([*project.PACKAGE.rglob("*.py"), *project.SCENARIOS.glob("*.py")]):
        digest.update(os.fsencode(file))
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _compile(folder: Path) -> None:
    """Compile the modules into a new directory. Another process may do the same at the same time. Raises OSError."""
    part = tempfile.mkdtemp(prefix=".", dir=folder.parent)
    try:
        argv = [sys.executable, "-P", "-m", "badwire.uml.guest.precompile", part]
        environment = {**ENVIRONMENT, "PYTHONPATH": str(project.IMPORTED_FROM)}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = done.stderr.splitlines() or [f"status {done.returncode}"]
            if os.strerror(errno.ENOSPC) in lines[-1]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), part)
            raise KernelError(
                f"The lab's modules cannot be compiled for the virtual clock: {lines[-1]}; fix that, or use --clock"
                " real."
            )
        os.chmod(part, 0o755)  # the lab's agents may not override file permissions
        try:
            os.rename(part, folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _remove_old(kept: Path) -> None:
    """Remove all but the KEPT last used directories, and those used in the last IN_USE seconds. Raises OSError."""
    folders = sorted(kept.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True)
    for folder in folders[KEPT:]:
        if folder.stat().st_mtime < time.time() - IN_USE:
            shutil.rmtree(folder, ignore_errors=True)
