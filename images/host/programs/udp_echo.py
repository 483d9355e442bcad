#!/usr/bin/env python3
"""A UDP echo server: what comes in one datagram goes back in one datagram.

There is no connection, so nothing to accept and nothing to close. What is longer than --buffer is cut off.
"""

import socket

import arguments
import common
import signals


def main() -> None:
    parser = arguments.server(__doc__, stream=False)
    parser.add_argument("--buffer", type=arguments.number(1), default=65535, metavar="N", help="bytes, default 65535")
    parser.add_argument("--count", type=arguments.number(1), metavar="N", help="end after N datagrams; default: never")
    arguments.printing(parser)
    options = parser.parse_args()
    signals.stop_at_once()

    with socket.socket(common.family(options.address), socket.SOCK_DGRAM) as server:
        common.set_options(server, options)
        with common.reports("bind"):
            server.bind((options.address, options.port))
        common.ready(server)

        served = 0
        while served != options.count:
            with common.reports("recvfrom"):
                data, peer = server.recvfrom(options.buffer)
            common.say("datagram", len(data), *peer[:2], *([common.beginning(data)] if options.print else []))
            with common.outlive(peer):
                server.sendto(data, peer)
            served += 1


if __name__ == "__main__":
    main()
