#!/usr/bin/env python3
"""A client that calls `send` once with many bytes, and prints how many of them were taken.

If the server does not read, the call waits: for a signal that --alarm orders (with or without SA_RESTART), or for the
timeout of SO_SNDTIMEO. Either ends it, and its result is the number of bytes that it has taken until then.
"""

import signal
import socket
import struct

import arguments
import common
import signals


def main() -> None:
    parser = arguments.client(__doc__)
    parser.add_argument("--bytes", type=arguments.number(1), default=1_000_000, metavar="N", help="default 1000000")
    parser.add_argument("--alarm", type=arguments.number(1), metavar="S", help="let SIGALRM come after S seconds")
    parser.add_argument("--restart", action="store_true", help="set SA_RESTART for it")
    parser.add_argument("--timeout", type=arguments.number(1), metavar="S", help="set SO_SNDTIMEO")
    options = parser.parse_args()
    signals.end_by_signal()

    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as connection:
        common.set_options(connection, options)
        if options.timeout:
            with common.reports("setsockopt"):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", options.timeout, 0))
        with common.reports("connect"):
            connection.connect((options.address, options.port))
        if options.alarm:
            signal.signal(signal.SIGALRM, lambda *_: None)
            signal.siginterrupt(signal.SIGALRM, not options.restart)
            signal.alarm(options.alarm)
        with common.reports("send"):
            common.say("sent", connection.send(bytes(options.bytes)))


if __name__ == "__main__":
    main()
