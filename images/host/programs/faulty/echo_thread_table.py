#!/usr/bin/env python3
"""An echo server with a thread for each client, and a table of its clients; when the table is full, it ends.

THE MISTAKE: it counts the clients that ever came, and returns from `main` when the last slot is taken: with the process
all its threads end, and so do the connections of clients that are being served. That client gets no answer, either.
A correct one closes the connection that it has no room for, and serves the others: echo_thread.py has no table at all.
"""

import socket
import threading

from above import arguments, common, signals
from echo_thread import talk


def main() -> None:
    parser = arguments.server(__doc__)
    arguments.printing(parser)
    parser.add_argument("--slots", type=arguments.number(1), default=128, metavar="N", help="default 128")
    options = parser.parse_args()
    signals.stop_at_once()
    table: list[socket.socket] = []

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
            table.append(connection)
            if len(table) >= options.slots:
                common.say("the table is full")
                return  # the mistake; right: connection.close(), and go on
            threading.Thread(target=talk, args=(connection, peer, options), daemon=True).start()


if __name__ == "__main__":
    main()
