#!/usr/bin/env python3
"""A UDP client that sends each typed line as one datagram, and takes answers from whoever sends one.

THE MISTAKE: `recvfrom` writes the sender's address over that of the server. A datagram from somebody else is taken for
the answer, and everything that follows goes to that address.
A correct one connects its socket, which then takes datagrams from the server only: talk_udp.py.
"""

import socket
import sys

from above import arguments, common, signals


def main() -> None:
    parser = arguments.client(__doc__)
    parser.add_argument("--timeout", type=arguments.seconds(0.001), default=1.0, metavar="SECONDS", help="default 1")
    options = parser.parse_args()
    signals.end_by_signal()
    server = options.address, options.port

    with socket.socket(common.family(options.address), socket.SOCK_DGRAM) as sock:
        common.set_options(sock, options)
        with common.reports("bind"):
            sock.bind(("0.0.0.0", 0))
        common.say("port", sock.getsockname()[1])
        sock.settimeout(options.timeout)

        while (line := sys.stdin.buffer.readline()) and line.rstrip(b"\r\n").lower() not in (b"quit", b"q"):
            common.say_line("send:", line)
            with common.reports("sendto"):
                sock.sendto(line, server)
            with common.reports("recvfrom"):
                try:
                    answer, server = sock.recvfrom(65535)  # the mistake; right: answer, sender = ..., and compare
                    common.say_line("recv:", answer)
                except TimeoutError:
                    common.say("no answer")


if __name__ == "__main__":
    main()
