#!/usr/bin/env python3
"""Print the type of a socket, the sizes of its buffers, and what the kernel makes of each SIZE that is requested.

The type is that with which the socket was made: setting it is refused. The kernel doubles a size, since it also counts
its own overhead; and there is a smallest size and a largest one.
"""

import socket

import arguments
import common

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
BUFFERS = {"sndbuf": socket.SO_SNDBUF, "rcvbuf": socket.SO_RCVBUF}


def sizes(sock: socket.socket) -> str:
    """Return both sizes as the kernel gives them."""
    return " ".join(f"{name} {sock.getsockopt(socket.SOL_SOCKET, option)}" for name, option in BUFFERS.items())


def protocol(kind: int, wanted: int) -> str:
    """Return the number of the protocol of a socket of this type, or the error if the two do not match."""
    try:
        with socket.socket(socket.AF_INET, kind, wanted) as sock:
            return str(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
    except OSError as error:
        return common.error_name(error)


def main() -> None:
    parser = arguments.plain(__doc__)
    help_text = "ask for buffers of that many bytes; any number of sizes"
    parser.add_argument("sizes", nargs="*", type=arguments.number(0), metavar="SIZE", help=help_text)
    options = parser.parse_args()

    for name, kind in KINDS.items():
        with socket.socket(socket.AF_INET, kind) as sock:
            common.say(name, sizes(sock))
            common.say(f"{name}-type", sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_TYPE, kind)
            except OSError as error:
                common.say(f"{name}-set-type", common.error_name(error))
            else:
                common.say(f"{name}-set-type done")
    common.say("stream-default", protocol(socket.SOCK_STREAM, 0))
    common.say("stream-udp", protocol(socket.SOCK_STREAM, socket.IPPROTO_UDP))
    common.say("datagram-default", protocol(socket.SOCK_DGRAM, 0))
    common.say("datagram-tcp", protocol(socket.SOCK_DGRAM, socket.IPPROTO_TCP))
    for size in options.sizes:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock, common.reports("setsockopt"):
            for option in BUFFERS.values():
                sock.setsockopt(socket.SOL_SOCKET, option, size)
            common.say(size, sizes(sock))


if __name__ == "__main__":
    main()
