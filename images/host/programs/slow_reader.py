#!/usr/bin/env python3
"""A server that reads slowly: the client's bytes fill its receive buffer, and TCP's window closes and opens.

A small --rcvbuf makes that happen soon.
"""

import socket
import time

import arguments
import common
import signals


def read_slowly(connection: socket.socket, count: int, pause: float) -> int:
    """Wait, read at most `count` bytes, and so on to the end; return how many bytes came."""
    total = 0
    while True:
        time.sleep(pause)
        data = connection.recv(count)
        if not data:
            return total
        total += len(data)


def main() -> None:
    parser = arguments.server(__doc__)
    parser.add_argument("--bytes", type=arguments.number(1), default=1024, metavar="N", help="at a time, default 1024")
    parser.add_argument("--every", type=arguments.seconds(), default=0.5, metavar="SECONDS", help="default 0.5")
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
                common.say("received", read_slowly(connection, options.bytes, options.every))


if __name__ == "__main__":
    main()
