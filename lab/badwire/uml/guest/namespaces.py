"""Inside the lab's own kernel: network namespaces from processes that are forked, not started.

Starting Python anew costs a third of a second there, most of it for pages that every start touches again.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable

from badwire.linux import libc
from badwire.linux.fork import fork
from badwire.substrate import netns_init
from badwire.substrate.netns import Child, Netns
from badwire.substrate.substrate import Substrate


class Forked:
    """A forked process; reaped by ``wait``."""

    def __init__(self, life: Callable[[], None]) -> None:
        self.pid = fork(life)

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Until it has ended."""
        os.waitpid(self.pid, 0)


def launch(theirs: socket.socket, stderr: int) -> Child:
    """Start the init process, as badwire.substrate.netns.launch does."""

    def life() -> None:
        libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        quiet = os.open(os.devnull, os.O_RDWR)
        for fd, kept in ((0, quiet), (1, quiet), (2, stderr)):
            os.dup2(kept, fd)
        control = socket.socket(fileno=os.dup(theirs.fileno()))
        os.closerange(3, control.fileno())
        libc.unshare(libc.CLONE_NEWNS | libc.CLONE_NEWNET)
        netns_init.run_init(control)

    ours = os.open("/proc/self/ns/pid", os.O_RDONLY)
    libc.unshare(libc.CLONE_NEWPID)  # for the next child, which is its PID 1
    try:
        return Forked(life)
    finally:
        libc.setns(ours, libc.CLONE_NEWPID)
        os.close(ours)


def substrate_of(name: str) -> Substrate:
    """The substrate that the job's hosts live on; that it can be had needs no trial here."""
    if name == "docker":
        from badwire.substrate.docker.substrate import Docker

        return Docker(lambda text: print(text, file=sys.stderr, flush=True))
    return Netns(launch)
