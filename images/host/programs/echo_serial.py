#!/usr/bin/env python3
"""An echo server that serves one client after another.

While one client is served the others wait: the kernel has completed their handshakes and keeps their first bytes,
but nobody calls accept.
"""

import socket

import arguments
import common
import signals


def echo(connection: socket.socket, close_after: int | None) -> None:
    """Send back what comes, until the client closes, or we do because `close_after` bytes were answered."""
    echoed = 0
    while data := connection.recv(4096):  # no bytes: the client has closed its direction
        connection.sendall(data)  # sendall calls send until all is handed over; one send may take less
        echoed += len(data)
        if close_after and echoed >= close_after:
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
                echo(connection, options.close_after)


if __name__ == "__main__":
    main()
