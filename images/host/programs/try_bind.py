#!/usr/bin/env python3
"""Try to bind a port and to listen there, print whether that was allowed, and release the port.

Status 0 when it was, 1 when it was not: `bind: EADDRINUSE`.
"""

import socket

import arguments
import common


def main() -> None:
    parser = arguments.server(__doc__)
    parser.add_argument("--bind-only", action="store_true", help="do not listen")
    options = parser.parse_args()

    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as sock:
        common.set_options(sock, options)
        with common.reports("bind"):
            sock.bind((options.address, options.port))
        if not options.bind_only:
            with common.reports("listen"):
                sock.listen(options.backlog)
        common.say("bound", sock.getsockname()[1])


if __name__ == "__main__":
    main()
