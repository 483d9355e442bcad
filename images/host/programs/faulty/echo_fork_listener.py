#!/usr/bin/env python3
"""An echo server with a process for each client, whose children keep the listening socket.

THE MISTAKE: `fork` gives the child a copy of the listening descriptor, too, and the child does not close it. If the
parent ends while a child serves its client, the port is still listened on: the kernel goes on connecting clients, but
nobody calls `accept`. And the server cannot be started again, SO_REUSEADDR or not.
A correct one closes it in the child, first of all: echo_fork.py.
"""

import os
import select
import signal
import socket

from above import arguments, common, signals
from echo_serial import echo


def serve(listener: socket.socket, options: arguments.Options) -> None:
    """Accept a client and give it a process."""
    with common.reports("accept"):
        connection, peer = listener.accept()
    common.accepted(peer)
    with connection, common.outlive(peer):
        if signals.fork(*signals.STOP):
            return  # the parent: closes its copy only
        with connection, common.outlive(peer):  # the mistake; right: listener.close() before
            echo(connection, peer, options)
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
            serve(listener, options)


if __name__ == "__main__":
    main()
