#!/usr/bin/env python3
"""An echo server that sets SO_REUSEADDR too late; give it --reuseaddr.

THE MISTAKE: it sets its options after `bind`. It is `bind` that checks who has the port, and whether both sockets allow
it to be shared. So the server starts where the port is free, but not where a connection of the server before it is
left. `setsockopt` does not complain.
A correct one sets them before `bind`: echo_serial.py --reuseaddr.
"""

import socket

from above import arguments, common, signals
from echo_serial import echo


def main() -> None:
    options = arguments.server(__doc__).parse_args()
    signals.stop_at_once()

    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as listener:
        with common.reports("bind"):
            listener.bind((options.address, options.port))
        common.set_options(listener, options)  # the mistake; right: before bind
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
