#!/usr/bin/env python3
"""A server that greets each client by its name, in a process for each client; but it reads the name before it forks.

THE MISTAKE: the parent waits for what one client says. Until then nobody else is served, however many processes there
could be: one client that connects and is silent stops the server (head-of-line blocking).
A correct one forks first, and leaves all waiting for a client to that client's process: greet_fork.py.
"""

import os
import select
import signal
import socket

from above import arguments, common, signals
from greet_fork import read_name


def serve(listener: socket.socket) -> None:
    """Accept a client, learn its name, and let a process greet it."""
    with common.reports("accept"):
        connection, peer = listener.accept()
    common.accepted(peer)
    with connection, common.outlive(peer):
        name = read_name(connection)  # the mistake; right: in the child
        if signals.fork(*signals.STOP):
            return  # the parent: closes its copy only
        listener.close()
        with connection, common.outlive(peer):
            connection.sendall(b"hello, " + name)
        os._exit(0)


def main() -> None:
    options = arguments.server(__doc__).parse_args()
    arriving = signals.as_bytes(*signals.STOP)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # then the kernel reaps the children

    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as listener:
        common.set_options(listener, options)
        with common.reports("bind"):
            listener.bind((options.address, options.port))
        with common.reports("listen"):
            listener.listen(options.backlog)
        common.ready(listener)

        while arriving not in select.select([listener.fileno(), arriving], [], [])[0]:
            serve(listener)


if __name__ == "__main__":
    main()
