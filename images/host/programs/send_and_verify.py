#!/usr/bin/env python3
"""A client that sends bytes to an echo server and verifies that all of them come back.

One send may take less than all, and one recv may bring less than was sent: TCP is a stream. It sends and receives at
the same time, since a message longer than all the buffers on the way would otherwise wait for itself.
"""

import select
import socket

import arguments
import common
import signals


def exchange(connection: socket.socket, message: bytes) -> bytes:
    """Send the message and return what came back: as many bytes, or fewer if the server closed before."""
    unsent, received = memoryview(message), bytearray()
    while len(received) < len(message):
        readable, writable, _ = select.select([connection], [connection] if unsent else [], [])
        if writable:
            with common.reports("send"):
                unsent = unsent[connection.send(unsent) :]
        if readable:
            with common.reports("recv"):
                data = connection.recv(65536)
            if not data:
                break
            received += data
    return bytes(received)


def main() -> None:
    parser = arguments.client(__doc__)
    arguments.message(parser)
    parser.add_argument("--count", type=arguments.number(1), default=1, metavar="N", help="round trips, default 1")
    parser.add_argument("--upper", action="store_true", help="the answer must be in upper case, as upper.py gives it")
    parser.add_argument("--wait-close", action="store_true", help="then close second: wait for the server's close")
    parser.add_argument("--hold", action="store_true", help="then print `ready PORT`, stay until SIGTERM, and close")
    options = parser.parse_args()
    signals.end_by_signal()

    message = arguments.message_of(options)
    expected = message.upper() if options.upper else message
    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as connection:
        common.set_options(connection, options)
        with common.reports("connect"):
            connection.connect((options.address, options.port))
        connection.setblocking(False)
        for _ in range(options.count):
            common.verify(exchange(connection, message), expected)
        common.say("verified", options.count, "x", len(message), "bytes")
        connection.setblocking(True)
        if options.wait_close:
            with common.reports("recv"):
                connection.recv(1)
        if options.hold:
            signals.hold()
            common.ready(connection)  # its own port; from here on SIGTERM means: close, and end with status 0
            signals.told()


if __name__ == "__main__":
    main()
