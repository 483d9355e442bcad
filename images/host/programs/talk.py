#!/usr/bin/env python3
"""A client that sends each line of its standard input, and prints the line that comes back.

It ends at `quit`, at the end of its input (Ctrl-D), or when the server has closed. While it waits at the keyboard it
does not see that the server has closed: it learns that only after the next line.
"""

import socket
import sys

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
        common.say("connected", *connection.getsockname())

        while (line := sys.stdin.buffer.readline()) and line.rstrip(b"\r\n").lower() not in (b"quit", b"q"):
            common.say_line("send:", line)
            with common.reports("send"):
                connection.sendall(line)
            answer = b""
            with common.reports("recv"):
                while not answer.endswith(b"\n") and (data := connection.recv(4096)):
                    answer += data
            if answer:
                common.say_line("recv:", answer)
            if not answer.endswith(b"\n"):
                common.say("the server has closed")
                break


if __name__ == "__main__":
    main()
