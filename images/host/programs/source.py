#!/usr/bin/env python3
"""A client that sends bytes drawn from a seed, and prints how many they were and their SHA-256.

For sink.py. It closes its direction when all is handed over, and stays until the server closes too: then the server
has read everything.
"""

import hashlib
import socket

import arguments
import common
import signals


def main() -> None:
    parser = arguments.client(__doc__)
    parser.add_argument("--bytes", type=arguments.number(0), default=1_000_000, metavar="N", help="default 1000000")
    parser.add_argument("--seed", type=arguments.number(0), default=1, metavar="N", help="default 1")
    options = parser.parse_args()
    signals.end_by_signal()

    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as connection:
        common.set_options(connection, options)
        with common.reports("connect"):
            connection.connect((options.address, options.port))
        digest = hashlib.sha256()
        for piece in common.random_bytes(options.bytes, options.seed):
            with common.reports("send"):
                connection.sendall(piece)
            digest.update(piece)
        with common.reports("shutdown"):
            connection.shutdown(socket.SHUT_WR)
        with common.reports("recv"):
            while connection.recv(65536):
                pass
    common.say("sent", options.bytes, "sha256", digest.hexdigest())


if __name__ == "__main__":
    main()
