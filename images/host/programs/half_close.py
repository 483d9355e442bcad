#!/usr/bin/env python3
"""A client that closes one direction and goes on reading in the other: close is not the only way to end the data.

After shutdown(SHUT_WR) it is in FIN_WAIT_2 and the server in CLOSE_WAIT, until the server closes too.
"""

import os
import socket

import arguments
import common
import signals


def main() -> None:
    parser = arguments.client(__doc__)
    parser.add_argument("text", nargs="?", default="that was all\n", metavar="TEXT", help="what to send")
    options = parser.parse_args()
    signals.end_by_signal()

    message = os.fsencode(options.text)
    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as connection:
        common.set_options(connection, options)
        with common.reports("connect"):
            connection.connect((options.address, options.port))
        with common.reports("send"):
            connection.sendall(message)
        with common.reports("shutdown"):
            connection.shutdown(socket.SHUT_WR)
        common.say("sent", len(message))
        received = bytearray()
        with common.reports("recv"):
            while data := connection.recv(4096):
                received += data
    common.say("received", len(received), common.beginning(received))


if __name__ == "__main__":
    main()
