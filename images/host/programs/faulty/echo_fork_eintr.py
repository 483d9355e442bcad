#!/usr/bin/env python3
"""An echo server with a process for each client, which does not call an interrupted `accept` again.

THE MISTAKE: it takes any failure of `accept` for the end. When a child ends, SIGCHLD interrupts `accept`, which fails
with EINTR although nothing is wrong. So the server ends with its first client. With SA_RESTART (--restart) the kernel
calls `accept` again by itself; other calls, such as `select`, still fail. (In Python the handler then runs only when
the next client has come, and the child is a zombie until then. In C it runs at once.)
A correct one calls again. Python does so by itself (PEP 475), and echo_fork.py relies on it; that is why this one calls
C's `accept`. A signal ends it as it ends a client.
"""

import contextlib
import ctypes
import os
import signal
import socket

from above import arguments, common, signals
from echo_serial import echo

LIBC = ctypes.CDLL(None, use_errno=True)


def accept(listener: socket.socket) -> socket.socket:
    """Call accept(2) once."""
    fd = LIBC.accept(listener.fileno(), None, None)
    if fd < 0:  # the mistake; right: if it was EINTR, call again
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return socket.socket(fileno=fd)


def reap(*_: object) -> None:
    """Wait for every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    parser = arguments.server(__doc__)
    parser.add_argument("--restart", action="store_true", help="set SA_RESTART for SIGCHLD")
    options = parser.parse_args()
    signals.end_by_signal()
    signal.signal(signal.SIGCHLD, reap)
    signal.siginterrupt(signal.SIGCHLD, not options.restart)

    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as listener:
        common.set_options(listener, options)
        with common.reports("bind"):
            listener.bind((options.address, options.port))
        with common.reports("listen"):
            listener.listen(options.backlog)
        common.ready(listener)

        while True:
            with common.reports("accept"):
                connection = accept(listener)
            peer = connection.getpeername()
            common.accepted(peer)
            with connection, common.outlive(peer):
                if signals.fork(signal.SIGCHLD):
                    continue  # the parent: closes its copy only
                listener.close()
                with connection, common.outlive(peer):
                    echo(connection, peer, options)
                os._exit(0)


if __name__ == "__main__":
    main()
