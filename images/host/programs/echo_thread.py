#!/usr/bin/env python3
"""An echo server with a thread for each client.

All threads share the descriptors, so it is the client's own thread that closes its connection. The threads are
detached ("daemon"): nobody joins them, and they end with the server.
"""

import socket
import threading

import arguments
import common
import signals
from echo_serial import echo


def talk(connection: socket.socket, peer: tuple[str, int], options: arguments.Options) -> None:
    """Serve one client, in a thread of its own."""
    with connection, common.outlive(peer):
        echo(connection, peer, options)


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
            try:
                threading.Thread(target=talk, args=(connection, peer, options), daemon=True).start()
            except RuntimeError as error:  # the limit on processes, which counts threads too
                connection.close()
                common.complain(f"turned the client {peer[0]} port {peer[1]} away: {error}")


if __name__ == "__main__":
    main()
