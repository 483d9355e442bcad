"""Starts programs without any right, from a thread that has none itself.

A program inherits its rights from the thread that starts it, so nothing of ours has to run between fork and exec. That
matters: Python then starts it by vfork(2), which copies no page of the agent's memory.
"""

import resource
import signal
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from lab.agent import libc

_LIMITS = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_NPROC, 4096),  # counts all of a user's processes, so this only stops a runaway
    (resource.RLIMIT_DATA, 2 << 30),  # bytes that a process may write to; what is only reserved does not count
)
_TYPED_IN = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)  # ignored in a shell's background jobs


class Launcher:
    """One a host. What an agent itself may do stays as it is, but for the limits, which it shares with its programs.

    They run as ``user``; None: as whoever the agent is.
    """

    def __init__(self, user: int | None) -> None:
        self._user = user
        for limit, wanted in _LIMITS:
            highest = resource.getrlimit(limit)[1]
            lower = wanted if highest == resource.RLIM_INFINITY else min(wanted, highest)
            resource.setrlimit(limit, (lower, lower))
        for each in _TYPED_IN:
            if signal.getsignal(each) is signal.SIG_IGN:
                signal.signal(each, lambda *_: None)  # exec makes the default of it, as at a terminal; ignored stays
        # What it takes to become another user is lost in becoming one.
        change = () if user is None else (libc.CAP_SETUID, libc.CAP_SETGID)
        self._thread = ThreadPoolExecutor(1, "launcher", libc.give_up_all, change)

    def start(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: str, terminal: int | None = None
    ) -> "subprocess.Popen[bytes]":
        """The program, with pipes for what it writes or on a ``terminal``, as leader of a session of its own.

        Raises:
            OSError: it cannot be executed.
        """
        return self._thread.submit(
            subprocess.Popen,
            argv,
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=subprocess.PIPE if terminal is None else terminal,
            stderr=subprocess.PIPE if terminal is None else terminal,
            cwd=folder,
            env=environment,
            start_new_session=True,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
        ).result()
