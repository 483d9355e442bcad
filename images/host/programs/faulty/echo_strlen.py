#!/usr/bin/env python3
"""An echo server that takes bytes for text, as C does: it sends back `strlen(buffer)` of them.

THE MISTAKE: `send(socket, buffer, strlen(buffer), 0)`. What was read has no terminating NUL: where the bytes hold one,
the echo stops before it; where they hold none, C goes on into whatever lies behind the buffer.
A correct one sends as many bytes as `recv` returned: echo_serial.py.
"""

import socket

from above import arguments, common, signals


def strlen(buffer: bytes) -> int:
    """Count the bytes before the first NUL; without one all of them, since Python's have an end of their own."""
    return len(buffer.partition(b"\0")[0])


def echo(connection: socket.socket) -> None:
    """Send back what comes, until the client closes."""
    while buffer := connection.recv(4096):
        connection.sendall(buffer[: strlen(buffer)])  # the mistake; right: sendall(buffer)


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
