"""Runs a program of the build to its end; if the lab ends first, the program and its children are ended too."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from badwire.linux import libc


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    lock: int,
    on_line: Callable[[str], None],
    ended_by: signal.Signals = signal.SIGKILL,
) -> int:
    """Run a command and return its exit status.

    If ``on_line`` or a signal handler raises an exception, the command and its children are ended first. If the lab
    itself is killed, the machine sends the command SIGTERM, which make passes on to its children; those that still run
    hold the ``lock``.

    Args:
        argv: the command.
        environment: all of its environment variables.
        lock: a descriptor that it inherits.
        on_line: called with each line of its output, stderr included.
        ended_by: the signal that ends it and its children after an exception.

    Raises:
        OSError: it cannot be started.
    """
    lab = os.getpid()

    def end_with_the_lab() -> None:
        libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != lab:
            os._exit(1)  # the lab ended before prctl was called

    process = subprocess.Popen(
        argv,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
        start_new_session=True,  # Ctrl-C must reach the lab only
        pass_fds=[lock],
        preexec_fn=end_with_the_lab,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            for line in process.stdout:
                on_line(line.rstrip("\n"))
        except BaseException:
            os.killpg(process.pid, ended_by)
            process.stdout.read()  # returns when the command and all its children have ended
            raise
        finally:
            process.wait()
    return process.returncode


def environment(scratch: Path) -> dict[str, str]:
    """The environment of a build: the user's PATH, and fixed values for everything that could change its result.

    Args:
        scratch: the directory for temporary files.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "TMPDIR": str(scratch),
        "XZ_DEFAULTS": "-T0",  # Debian's archives unpack on several processors
        "KBUILD_BUILD_USER": "badwire",
        "KBUILD_BUILD_HOST": "badwire",
        "KBUILD_BUILD_TIMESTAMP": "1970-01-01 00:00:00 UTC",
    }
