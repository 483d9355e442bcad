#!/usr/bin/env python3
"""A server that answers in upper case, one client after another.

Only ASCII letters change: the server sees bytes, and does not know what they mean.
"""

import socket

import arguments
import common
import signals


def answer(connection: socket.socket, peer: tuple[str, int], options: arguments.Options) -> None:
    """Answer what comes, until the client closes, or we do because --close-after bytes were answered."""
    answered = 0
    while data := connection.recv(4096):
        common.received(options, peer, data)
        connection.sendall(data.upper())
        common.answered(options, peer, data.upper())
        answered += len(data)
        if options.close_after and answered >= options.close_after:
            return
    common.left(options, peer)


def main() -> None:
    parser = arguments.server(__doc__)
    arguments.close_after(parser)
    arguments.printing(parser)
    options = parser.parse_args()
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
                answer(connection, peer, options)


if __name__ == "__main__":
    main()
