#!/usr/bin/env python3
"""A client that builds its sockaddr_in itself, as in C, and prints the bytes of the port and of the address.

htons and inet_pton put them into network byte order, most significant byte first, whatever the order of this machine;
ntohs and inet_ntop take them out again. With --forget-htons the port goes in as this machine has it.
"""

import ctypes
import errno
import os
import socket
import struct
import sys

import arguments
import common
import signals

SOCKADDR_IN = struct.Struct("=HH4s8x")  # as this machine has numbers: family, port, and the address as four bytes
libc = ctypes.CDLL(None, use_errno=True)


class Little(ctypes.LittleEndianStructure):
    """Two bytes with the least significant one first."""

    _fields_ = (("number", ctypes.c_uint16),)


class Big(ctypes.BigEndianStructure):
    """Two bytes with the most significant one first."""

    _fields_ = (("number", ctypes.c_uint16),)


def low_byte(memory: Little | Big) -> int:
    """Return what C's (unsigned char) makes of the number: its least significant byte, wherever that is in memory."""
    return ctypes.c_uint8(memory.number).value


def convert(family: int, text: str) -> str:
    """Return what inet_pton of the C library returns, with the error if that is -1."""
    result = libc.inet_pton(family, os.fsencode(text), ctypes.create_string_buffer(16))
    return str(result) if result >= 0 else f"{result} {errno.errorcode[ctypes.get_errno()]}"


def check(result: int) -> None:
    """Raise the error of a C library call that returned -1."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def main() -> None:
    parser = arguments.client(__doc__)
    parser.add_argument("--forget-htons", action="store_true", help="put the port in as this machine has it")
    options = parser.parse_args()
    if common.family(options.address) != socket.AF_INET:
        parser.error("ADDRESS: sockaddr_in is for IPv4")
    signals.end_by_signal()

    address = socket.inet_pton(socket.AF_INET, options.address)
    port = options.port if options.forget_htons else socket.htons(options.port)
    common.say("order", sys.byteorder)
    common.say("port", struct.pack("=H", options.port).hex(), "as", struct.pack("=H", port).hex())
    common.say("address", address.hex())
    both: dict[str, Little | Big] = {"little": Little(0x0102), "big": Big(0x0102)}
    for name, memory in both.items():
        common.say(name, bytes(memory).hex(), "cast", low_byte(memory))
    common.say("inet_pton", convert(socket.AF_INET, options.address))
    common.say("inet_pton-text", convert(socket.AF_INET, "no address"))
    common.say("inet_pton-family", convert(socket.AF_UNIX, options.address))
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
