#!/usr/bin/env python3
"""A client that reads until the server has closed, and then writes twice all the same.

The first write is answered by an RST, for which it waits; the second raises SIGPIPE. A program in C is killed by that
unless it ignores or catches it. Python ignores it from the start: the write fails with EPIPE. With --sigpipe it is as
in C.
"""

import select
import signal
import socket

import arguments
import common
import signals


def main() -> None:
    parser = arguments.client(__doc__)
    parser.add_argument("--sigpipe", action="store_true", help="let SIGPIPE have its default effect")
    options = parser.parse_args()
    signals.end_by_signal()
    if options.sigpipe:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)

    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as connection:
        common.set_options(connection, options)
        with common.reports("connect"):
            connection.connect((options.address, options.port))
        with common.reports("recv"):
            while connection.recv(65536):
                pass
        common.say("the server has closed")
        with common.reports("send"):
            common.say("sent", connection.send(b"anybody there?\n"))
        broken = select.poll()
        broken.register(connection, 0)  # POLLERR and POLLHUP come unasked, and the RST brings both
        broken.poll()
        common.say("the connection is broken")
        with common.reports("send"):
            common.say("sent", connection.send(b"anybody?\n"))


if __name__ == "__main__":
    main()
