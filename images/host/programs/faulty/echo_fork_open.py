#!/usr/bin/env python3
"""An echo server with a process for each client, whose parent never closes the accepted socket.

THE MISTAKE: `fork` gives each connection a second descriptor, the parent's, and the parent keeps it. When the child
closes, the connection stays open: no FIN is sent, the client waits for the end, and once it has closed too, CLOSE_WAIT
is for ever. Each client costs a descriptor; when all are used up, `accept` fails with EMFILE.
A correct one closes its copy after `fork`: echo_fork.py.

To forget it is not enough in Python, which closes a socket that nobody names any more; `detach` keeps it, as C does.
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
    if signals.fork(*signals.STOP):
        connection.detach()  # the mistake; right: connection.close()
        return
    listener.close()
    with connection, common.outlive(peer):
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
