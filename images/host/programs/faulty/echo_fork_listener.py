#!/usr/bin/env python3
"""An echo server with a process for each client, whose children never close the listening socket.

THE MISTAKE: `fork` gives the child the listening descriptor too, and the child keeps it. As long as the parent lives
nobody notices. When the parent has died, the socket still listens, because a child has it: clients connect, and nobody
calls `accept`; a new server cannot bind to the port, whatever option it sets. That lasts as long as the last child.
A right one closes the listener in the child: echo_fork.py.
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
    common.say("accepted", *peer)
    with connection, common.outlive(peer):
        if signals.fork(*signals.STOP):
            return
        echo(connection, peer, options)  # the mistake; right: listener.close() comes first
    os._exit(0)


def main() -> None:
    options = arguments.server(__doc__).parse_args()
    arriving = signals.as_bytes(*signals.STOP)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # then the kernel reaps the children

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
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
