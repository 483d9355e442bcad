#!/usr/bin/env python3
"""A client that reads until the server closes, and closes second.

recv returns no bytes at the end of the stream, and only there.
"""

import socket

import arguments
import common
import signals


def main() -> None:
    options = arguments.client(__doc__).parse_args()
    signals.end_by_signal()

    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as connection:
        common.set_options(connection, options)
        with common.reports("connect"):
            connection.connect((options.address, options.port))
        received = bytearray()
        with common.reports("recv"):
            while data := connection.recv(4096):
                received += data
    common.say("received", len(received), common.beginning(received))


if __name__ == "__main__":
    main()
