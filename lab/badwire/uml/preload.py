"""Compiles preload.c, which is preloaded into the kernel, so that a change of it does not need a new kernel."""

import hashlib
import os
import subprocess
from functools import cache
from pathlib import Path

from badwire.errors import KernelError

C = Path(__file__).with_name("preload.c")


@cache
def name() -> str:
    """The name of the compiled file in a kernel's folder; it has a digest of preload.c."""
    digest = hashlib.sha256(C.read_bytes()).hexdigest()
    return f"preload-{digest[:12]}.so"


def make(folder: Path) -> None:
    """Compile preload.c into a kernel's folder. The file appears atomically; other processes may do the same.

    Raises:
        KernelError: gcc is missing or fails.
        OSError: the folder cannot be written.
    """
    part = folder / f".{name()}.{os.getpid()}"
    argv = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-o", str(part), str(C)]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise KernelError(
            "The kernel's preload.c cannot be compiled without gcc; install it (apt-get install gcc libc6-dev)."
        ) from None
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        reason = errors[0] if errors else f"status {done.returncode}"
        raise KernelError(
            f"The kernel's preload.c cannot be compiled ({reason}); fix that (apt-get install gcc libc6-dev)."
        )
    part.replace(folder / name())
