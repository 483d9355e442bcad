#!/usr/bin/env python3
"""A server that reads each client to the end, and prints how many bytes came and their SHA-256.

With source.py on the other side: the same digest there and here means that every byte came, in order.
"""

import hashlib
import socket

import arguments
import common
import signals


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
                connection, peer = listener.accept()
            common.accepted(peer)
            with connection, common.outlive(peer):
                count, digest = 0, hashlib.sha256()
                while data := connection.recv(65536):
                    count += len(data)
                    digest.update(data)
                common.say("received", count, "sha256", digest.hexdigest())  # before the client learns that we are done


if __name__ == "__main__":
    main()
