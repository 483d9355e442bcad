#!/usr/bin/env python3
"""An echo server that takes one read for one message.

THE MISTAKE: it reads once, answers, and closes, as if a message had to come in one piece and to fit the buffer.
TCP is a stream: a message may come in several pieces, whatever the client's calls were. What comes after the first one
meets a closed socket, and is answered by an RST.
A correct one reads until the message is whole, by its length, its end mark or the end of file: echo_serial.py.
"""

import socket

from above import arguments, common, signals


def echo(connection: socket.socket) -> None:
    """Send back what comes first, as if that were all."""
    message = connection.recv(4096)  # the mistake; right: while message := connection.recv(4096)
    connection.sendall(message)


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
