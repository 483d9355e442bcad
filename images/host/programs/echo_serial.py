#!/usr/bin/env python3
"""An echo server that serves one client after another.

While one client is served the others wait: the kernel has completed their handshakes and keeps their first bytes,
but nobody calls accept.
"""

import socket

import arguments
import common
import signals


def echo(connection: socket.socket, peer: tuple[str, int], options: arguments.Options) -> None:
    """Send back what comes, until the client closes, or we do because --close-after bytes were answered."""
    echoed = 0
    while data := connection.recv(4096):  # no bytes: the client has closed its direction
        common.received(options, peer, data)
        connection.sendall(data)  # sendall calls send until all is handed over; one send may take less
        echoed += len(data)
        if options.close_after and echoed >= options.close_after:
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
                echo(connection, peer, options)


if __name__ == "__main__":
    main()
