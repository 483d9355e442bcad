"""What is preloaded into the kernel: preload.c, compiled beside it, so that a change of it needs no new kernel."""

import hashlib
import os
import subprocess
from functools import cache
from pathlib import Path

from badwire.errors import KernelError

C = Path(__file__).with_name("preload.c")


@cache
def name() -> str:
    """The file's name in a kernel's folder, which tells what it was compiled from."""
    return f"preload-{hashlib.sha256(C.read_bytes()).hexdigest()[:12]}.so"


def make(folder: Path) -> None:
    """Compile it into a kernel's folder, at once or not at all, whoever else does so at the same time.

    Raises KernelError or OSError.
    """
    part = folder / f".{name()}.{os.getpid()}"
    argv = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-o", str(part), str(C)]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise KernelError(
            "The kernel's preload.c cannot be compiled without gcc; install it (apt-get install gcc libc6-dev)."
        ) from None
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "error" in line), f"status {done.returncode}")
        raise KernelError(
            f"The kernel's preload.c cannot be compiled ({said}); mend that (apt-get install gcc libc6-dev)."
        )
    part.replace(folder / name())
