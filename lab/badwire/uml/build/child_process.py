"""A program of the build: run to its end, and ended, with all that it started, when the lab ends first."""

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
    heard: Callable[[str], None],
    ended_by: signal.Signals = signal.SIGKILL,
) -> int:
    """The exit status of a command; ``heard`` gets each line that it writes. Raises OSError if it cannot be started.

    Left by an exception, it has been ended by that signal, with all that it started. When the lab itself is killed, the
    kernel sends the command SIGTERM, and make hands that on; whatever still runs then holds the ``lock``.
    """
    lab = os.getpid()

    def end_with_the_lab() -> None:
        libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != lab:
            os._exit(1)  # it has ended already

    process = subprocess.Popen(
        argv,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
        start_new_session=True,  # Ctrl-C is for the lab
        pass_fds=[lock],
        preexec_fn=end_with_the_lab,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            for line in process.stdout:
                heard(line.rstrip("\n"))
        except BaseException:
            os.killpg(process.pid, ended_by)
            process.stdout.read()  # until all that it started has closed it, so is gone
            raise
        finally:
            process.wait()
    return process.returncode


def environment(scratch: Path) -> dict[str, str]:
    """What a build sees of ours: where programs are, and nothing that could make one build unlike the next."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "TMPDIR": str(scratch),
        "XZ_DEFAULTS": "-T0",  # Debian's archives unpack on several processors
        "KBUILD_BUILD_USER": "badwire",
        "KBUILD_BUILD_HOST": "badwire",
        "KBUILD_BUILD_TIMESTAMP": "1970-01-01 00:00:00 UTC",
    }
