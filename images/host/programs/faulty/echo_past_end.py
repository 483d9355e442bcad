#!/usr/bin/env python3
"""An echo server that takes the end of file for data.

THE MISTAKE: it does not look for `recv` returning 0. When the client has closed, every read returns at once with
nothing; it sends that back and reads again, for ever, at full speed. It never closes: CLOSE_WAIT stays.
A correct one takes 0 for what it means, that the client has closed, and closes too: echo_serial.py.

Here it rests after EMPTY_READS, still without closing. From outside that looks the same; but a program that never
blocks would burn a processor and, where the clock moves only while all programs wait, would stop time.
"""

import signal
import socket

from above import arguments, common, signals

EMPTY_READS = 1000


def echo(connection: socket.socket) -> None:
    """Send back what arrives, and do not stop when nothing arrives any more."""
    empty = 0
    while empty < EMPTY_READS:
        data = connection.recv(4096)  # the mistake; right: if not data: return
        connection.sendall(data)
        empty += not data
    common.say("empty", empty)
    signal.pause()  # instead of looping for ever


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
