#!/usr/bin/env python3
"""Show addresses as text; take only ADDRESS..., and no PORT.

THE MISTAKE: the buffer for `inet_ntop` has room for 15 characters, the longest address, but not for the NUL behind it.
Shorter addresses are shown, so it works where it is tried; for 255.255.255.255 it fails with ENOSPC.
A correct one has INET_ADDRSTRLEN bytes, which are 16: network_order.py (Python makes room by itself, so this one calls
C's `inet_ntop`).
"""

import ctypes
import errno
import socket

from above import arguments, common

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.inet_ntop.restype = ctypes.c_char_p
ROOM = 15  # the mistake; right: INET_ADDRSTRLEN, which is 16


def main() -> None:
    parser = arguments.plain(__doc__)
    parser.add_argument("addresses", nargs="+", metavar="ADDRESS", type=arguments.address, help="IPv4 addresses")
    options = parser.parse_args()
    for address in options.addresses:
        if common.family(address) != socket.AF_INET:
            parser.error(f"ADDRESS: {address!r} is not an IPv4 address")
        text = ctypes.create_string_buffer(ROOM)
        packed = socket.inet_pton(socket.AF_INET, address)
        shown = LIBC.inet_ntop(int(socket.AF_INET), packed, text, ROOM)
        common.say(address, shown.decode() if shown else errno.errorcode[ctypes.get_errno()])


if __name__ == "__main__":
    main()
