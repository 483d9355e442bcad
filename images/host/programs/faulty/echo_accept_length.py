#!/usr/bin/env python3
"""An echo server that does not tell `accept` how much room there is for the client's address.

THE MISTAKE: the length that `accept` gets a pointer to is not set. The kernel reads it first: it is the room for the
address. An uninitialised length may be anything; here it is -1, for which `accept` fails with EINVAL, and the client
that it had taken from the queue is lost.
A correct one sets it to the size of the address before each call: echo_serial.py (Python does so by itself, that is why
this one calls C's `accept`).
"""

import ctypes
import os
import socket

from above import arguments, common, signals
from echo_serial import echo

LIBC = ctypes.CDLL(None, use_errno=True)


def accept(listener: socket.socket) -> socket.socket:
    """Call accept(2) with room for an address."""
    address = ctypes.create_string_buffer(16)
    length = ctypes.c_int(-1)  # the mistake; right: ctypes.c_int(len(address))
    fd = LIBC.accept(listener.fileno(), address, ctypes.byref(length))
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return socket.socket(fileno=fd)


def main() -> None:
    options = arguments.server(__doc__).parse_args()
    signals.stop_at_once()

    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as listener:
        common.set_options(listener, options)
        with common.reports("bind"):
            listener.bind((options.address, options.port))
        with common.reports("listen"):
            listener.listen(options.backlog)
        common.ready(listener)

        while True:
            with common.reports("accept"):
                connection = accept(listener)
            peer = connection.getpeername()
            common.accepted(peer)
            with connection, common.outlive(peer):
                echo(connection, peer, options)


if __name__ == "__main__":
    main()
