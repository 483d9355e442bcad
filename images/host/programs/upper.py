#!/usr/bin/env python3
"""A server that answers in upper case, one client after another.

Only ASCII letters change: the server sees bytes, and does not know what they mean.
"""

import socket

import arguments
import common
import signals


def answer(connection: socket.socket, close_after: int | None) -> None:
    """Answer what comes, until the client closes, or we do because `close_after` bytes were answered."""
    answered = 0
    while data := connection.recv(4096):
        connection.sendall(data.upper())
        answered += len(data)
        if close_after and answered >= close_after:
            return


def main() -> None:
    parser = arguments.server(__doc__)
    arguments.close_after(parser)
    options = parser.parse_args()
    signals.stop_at_once()

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        common.set_options(listener, options)
        with common.reports("bind"):
            listener.bind(("0.0.0.0", options.port))
        with common.reports("listen"):
            listener.listen(options.backlog)
        common.ready(listener)

        while True:
            with common.reports("accept"):
                connection, peer = listener.accept()
            common.say("accepted", *peer)
            with connection, common.outlive(peer):
                answer(connection, options.close_after)


if __name__ == "__main__":
    main()
