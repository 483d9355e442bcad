#!/usr/bin/env python3
"""A server that greets each client and closes first, so the server's side waits in TIME_WAIT.

It reads nothing. A client that sends something gets an RST for it, since nobody will ever read it.
"""

import os
import socket

import arguments
import common
import signals


def main() -> None:
    parser = arguments.server(__doc__)
    parser.add_argument("--greeting", default="hello\n", metavar="TEXT", help="what to send; may be empty")
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
                connection.sendall(os.fsencode(options.greeting))


if __name__ == "__main__":
    main()
