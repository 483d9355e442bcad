#!/usr/bin/env python3
"""An echo server that takes the end of file for an error.

THE MISTAKE: it treats every result of `recv` that is not above 0 alike. But 0 is no error: it says that the client has
closed. So the server says that something failed and ends with its first client, and no second one is ever served.
A correct one closes the connection at 0, and accepts the next client: echo_serial.py.
"""

import socket
import sys

from above import arguments, common, signals


def echo(connection: socket.socket) -> None:
    """Send back what comes, until the client closes, and take that for a failure."""
    while True:
        data = connection.recv(4096)
        if not data:
            common.say("read failed")
            sys.exit(common.NETWORK_SAID_NO)  # the mistake; right: return
        connection.sendall(data)


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
