#!/usr/bin/env python3
"""An echo server with a thread for each client, and a table with room for a fixed number of clients in all.

THE MISTAKE: a client that leaves stays in the table. When as many have come as there are slots, nobody is served any
more, though nobody is there. (This one checks whether a slot is left; many listings write beyond the end of the table.)
A correct one takes the client out again; echo_thread.py has no table at all.
"""

import socket
import threading

from above import arguments, common, signals
from echo_thread import talk


def main() -> None:
    parser = arguments.server(__doc__)
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
            if len(table) == options.slots:
                common.complain(f"turned the client {peer[0]} port {peer[1]} away: no slot is left")
                connection.close()
                continue
            table.append(connection)  # the mistake; right: and when it has left, table.remove(connection)
            threading.Thread(target=talk, args=(connection, peer, options), daemon=True).start()


if __name__ == "__main__":
    main()
