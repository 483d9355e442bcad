"""The job that builds a submission inside the lab's own kernel, which has no network and ends with all that it runs."""

import os
import resource
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from badwire.agent.host.defaults import NOBODY
from badwire.uml.paths import ENVIRONMENT, OUT
from badwire.util import tree

SUBMISSION = "submission"  # in the run's folder
BUILT = "built"
_WORK = Path("/tmp/build")
_OUTPUT = Path("/run/output")
_QUOTED = 20_000  # bytes of the output that are kept
_LIMITS = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 64 << 20,  # bytes; the kernel keeps the files in its memory
    resource.RLIMIT_NPROC: 256,
}


def build(command: str) -> dict[str, Any]:
    """Execute a command of the shell in a copy of the submission, as another user, and keep the folder.

    Returns:
        Its exit status, negative after a signal, as "status"; and the beginning of what it wrote, as "output".
    """
    tree.copy(Path(OUT, SUBMISSION), _WORK, owner=NOBODY)
    with _OUTPUT.open("w+b") as output:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=_WORK,
            env={**ENVIRONMENT, "TMPDIR": "/tmp"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            preexec_fn=_limit,
            check=False,
        )
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)  # what it left running; this is the first process of its kernel
        output.seek(0)
        text = output.read(_QUOTED).decode("utf-8", "replace")
    status = done.returncode
    try:
        tree.copy(_WORK, Path(OUT, BUILT))
    except (tree.TooLarge, OSError) as error:
        status = status or 1
        text += f"\nWhat the command has built cannot be copied: {error}.\n"
    return {"status": status, "output": text}


def _limit() -> None:
    for limit, value in _LIMITS.items():
        resource.setrlimit(limit, (value, value))
