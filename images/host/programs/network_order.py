#!/usr/bin/env python3
"""A client that makes its sockaddr_in itself, as in C, and tells what it makes of the port and of the address.

htons and inet_pton put them into network byte order, most significant byte first, whatever the order of this machine;
ntohs and inet_ntop take them out again. With --forget-htons the port goes in as this machine has it.
"""

import ctypes
import os
import socket
import struct
import sys

import arguments
import common
import signals

SOCKADDR_IN = struct.Struct("=HH4s8x")  # as this machine has numbers: family, port, and the address as four bytes
libc = ctypes.CDLL(None, use_errno=True)


def check(result: int) -> None:
    """Raise what a call of the C library says with a result of -1."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def main() -> None:
    parser = arguments.client(__doc__)
    parser.add_argument("--forget-htons", action="store_true", help="put the port in as this machine has it")
    options = parser.parse_args()
    signals.end_by_signal()

    address = socket.inet_pton(socket.AF_INET, options.address)
    port = options.port if options.forget_htons else socket.htons(options.port)
    common.say("order", sys.byteorder)
    common.say("port", struct.pack("=H", options.port).hex(), "as", struct.pack("=H", port).hex())
    common.say("address", address.hex())
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        common.set_options(connection, options)
        with common.reports("connect"):
            server = SOCKADDR_IN.pack(socket.AF_INET, port, address)
            check(libc.connect(connection.fileno(), server, len(server)))
        with common.reports("getpeername"):
            answer = ctypes.create_string_buffer(SOCKADDR_IN.size)
            check(libc.getpeername(connection.fileno(), answer, ctypes.byref(ctypes.c_uint32(len(answer)))))
    _, port, address = SOCKADDR_IN.unpack(answer.raw)
    common.say("connected", socket.inet_ntop(socket.AF_INET, address), socket.ntohs(port))


if __name__ == "__main__":
    main()
