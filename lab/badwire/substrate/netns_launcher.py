"""Starts the init processes of many netns labs from one process that has their modules.

An interpreter takes longer to start and to import the modules than a lab takes to come up. So the labs of a pytest
session are forked from a launcher, which is this module as a program: ``python -m badwire.substrate.netns_launcher
FD``, where FD is a SOCK_SEQPACKET socket to the session. It ends when the session's end of the socket is closed, as it
is when the session's process ends for any reason.
"""

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial

from badwire.errors import AgentLost
from badwire.linux.fork import fork
from badwire.substrate import netns
from badwire.util import import_path


class Launcher:
    """The session's side. The launcher itself starts with the first lab."""

    def __init__(self) -> None:
        self._launching = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket
        self._stderr: int

    def launch(self, theirs: socket.socket, stderr: int) -> "Launched":
        """See `badwire.substrate.netns.launch`.

        Raises:
            AgentLost: the launcher has ended.
        """
        with self._launching:
            if self._process is None or self._process.poll() is not None:
                self.close()
                self._start()
            # In a file, since its size has no limit, unlike that of a message.
            environment = os.memfd_create("environment", os.MFD_CLOEXEC)
            try:
                with open(environment, "w", closefd=False) as written:
                    json.dump(import_path.environment(), written)
                socket.send_fds(self._requests, [b"launch"], [theirs.fileno(), stderr, environment])
                pid, fds, _, _ = socket.recv_fds(self._requests, 64, 1)
            except (BrokenPipeError, ConnectionResetError):
                pid, fds = b"", []
            finally:
                os.close(environment)
            if not pid:
                output = netns.tail(self._stderr).splitlines()[-1:] or ["none"]
                raise AgentLost(f"the process that starts the hosts has ended; its last output: {output[0]}")
            return Launched(fds[0])

    def _start(self) -> None:
        self._stderr = os.memfd_create("stderr", os.MFD_CLOEXEC)
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                import_path.command("badwire.substrate.netns_launcher", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                env=import_path.environment(),
                start_new_session=True,  # Ctrl-C goes to the session
            )

    def close(self) -> None:
        """End the launcher, if it has been started; labs that are up stay up."""
        if self._process is not None:
            self._requests.close()
            self._process.wait()
            os.close(self._stderr)
            self._process = None


class Launched:
    """An init process that the launcher has forked, and collects."""

    def __init__(self, pidfd: int) -> None:
        self._pidfd = pidfd

    def pidfd(self) -> int:
        """See `badwire.substrate.netns.Child`."""
        return os.dup(self._pidfd)

    def kill(self) -> None:
        """Send SIGKILL to it."""
        signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def wait(self) -> None:
        """Wait until it has ended. Called once."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        poll.poll()
        os.close(self._pidfd)


def main(requests: socket.socket) -> None:
    """Fork an init process for each request, until the session closes its end of ``requests``."""
    from badwire.substrate import netns_init  # the session's side does not need it

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel collects them
    gc.freeze()  # a collection would write to these objects, so that each process gets its own copy of their pages
    while True:
        data, fds, _, _ = socket.recv_fds(requests, 64, 3)
        if not data:
            return
        fork(partial(_run, netns_init.main, requests, *fds))
        for fd in fds:
            os.close(fd)


def _run(
    init: Callable[[socket.socket], None], requests: socket.socket, control: int, stderr: int, environment: int
) -> None:
    """The main function of an init process, which first sends the session a descriptor of itself."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    itself = os.pidfd_open(os.getpid())
    socket.send_fds(requests, [b"%d" % os.getpid()], [itself])
    os.close(itself)
    requests.close()
    os.dup2(stderr, 2)
    os.close(stderr)
    variables = os.pread(environment, os.fstat(environment).st_size, 0)
    os.close(environment)
    os.environ.clear()
    os.environ.update(json.loads(variables))
    init(socket.socket(fileno=control))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
