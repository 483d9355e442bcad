#!/usr/bin/env python3
"""An echo server that does not check how much it could send.

THE MISTAKE: it ignores what `send` returns. A socket that does not block takes what fits into its send buffer, and
fails with EAGAIN when that is full (C: -1). With a client that reads slowly, what did not fit is gone for good.
A correct one keeps the rest, and sends it when the socket can be written again: echo_select.py. A small --sndbuf makes
the difference show soon.
"""

import contextlib
import select
import socket

from above import arguments, common, signals


def echo(connection: socket.socket) -> None:
    """Send back what comes, as far as it fits, until the client closes."""
    connection.setblocking(False)
    while True:
        select.select([connection], [], [])
        data = connection.recv(65536)
        if not data:
            return
        with contextlib.suppress(BlockingIOError):  # nothing fitted
            connection.send(data)  # the mistake; right: keep data[sent:] for later


def main() -> None:
    options = arguments.server(__doc__).parse_args()
    signals.stop_at_once()

    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as listener:
        common.set_options(listener, options)
        with common.reports("bind"):
            listener.bind((options.address, options.port))
        with common.reports("listen"):
            listener.listen(options.backlog)
        common.ready(listener)

        while True:
            with common.reports("accept"):
                connection, peer = listener.accept()
            common.accepted(peer)
            with connection, common.outlive(peer):
                echo(connection)


if __name__ == "__main__":
    main()
