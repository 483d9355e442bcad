#!/usr/bin/env python3
"""A UDP client that sends each line of its standard input as one datagram, and prints the answer.

The socket is connected, so it takes answers from this server only. It ends at `quit` or at the end of its input. If no
answer comes within --timeout it says so and goes on: nobody sends a lost datagram again.
"""

import socket
import sys

import arguments
import common
import signals


def main() -> None:
    parser = arguments.client(__doc__)
    parser.add_argument("--timeout", type=arguments.seconds(0.001), default=1.0, metavar="SECONDS", help="default 1")
    options = parser.parse_args()
    signals.end_by_signal()

    with socket.socket(common.family(options.address), socket.SOCK_DGRAM) as sock:
        common.set_options(sock, options)
        with common.reports("connect"):
            sock.connect((options.address, options.port))
        common.say("port", sock.getsockname()[1])
        sock.settimeout(options.timeout)

        while (line := sys.stdin.buffer.readline()) and line.rstrip(b"\r\n").lower() not in (b"quit", b"q"):
            common.say_line("send:", line)
            with common.reports("send"):
                sock.send(line)
            with common.reports("recv"):
                try:
                    common.say_line("recv:", sock.recv(65535))
                except TimeoutError:
                    common.say("no answer")


if __name__ == "__main__":
    main()
