"""The substrates inside the lab's own kernel. Network namespaces belong to processes that are forked from PID 1.

Starting a new Python takes a third of a second there, most of it to map pages.
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

    def __init__(self, main: Callable[[], None]) -> None:
        self.pid = fork(main)

    def pidfd(self) -> int:
        """See `badwire.substrate.netns.Child`."""
        return os.pidfd_open(self.pid)

    def kill(self) -> None:
        """Send SIGKILL to it."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Wait until it has ended."""
        os.waitpid(self.pid, 0)


def launch(control_socket: socket.socket, stderr: int) -> Child:
    """Fork the init process of the namespaces; the arguments are those of badwire.substrate.netns.launch."""

    def main() -> None:
        libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.dup2(stderr, 2)
        control = socket.socket(fileno=os.dup(control_socket.fileno()))
        os.closerange(3, control.fileno())
        libc.unshare(libc.CLONE_NEWNS | libc.CLONE_NEWNET)
        netns_init.run_init(control)

    ours = os.open("/proc/self/ns/pid", os.O_RDONLY)
    libc.unshare(libc.CLONE_NEWPID)  # the next child is PID 1 of the new namespace
    try:
        return Forked(main)
    finally:
        libc.setns(ours, libc.CLONE_NEWPID)
        os.close(ours)


def substrate_of(name: str) -> Substrate:
    """The substrate with this name, "docker" or "netns". Inside the kernel it needs no check that it is available.

    Raises:
        KeyError: there is no substrate of this name.
    """
    if name == "docker":
        from badwire.substrate.docker.substrate import Docker

        return Docker(lambda text: print(text, file=sys.stderr, flush=True))
    if name == "netns":
        return Netns(launch)
    raise KeyError(name)
