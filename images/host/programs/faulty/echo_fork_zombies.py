#!/usr/bin/env python3
"""An echo server with a process for each client, which never waits for its children.

THE MISTAKE: nobody calls `wait`. Of a child that has ended the kernel keeps the number and the exit status, until its
parent asks for them: a zombie. Each client leaves one while the server lives; in the end `fork` fails with EAGAIN.
A correct one takes SIGCHLD, and then waits for every child that has ended: echo_fork.py. One that ignores SIGCHLD
(--ignore: set to SIG_IGN, which is not the same as the default) has no zombies either: the kernel drops the status.
"""

import os
import select
import signal
import socket

from above import arguments, common, signals
from echo_serial import echo


def serve(listener: socket.socket, options: arguments.Options) -> None:
    """Accept a client and give it a process."""
    with common.reports("accept"):
        connection, peer = listener.accept()
    common.accepted(peer)
    with connection:
        if signals.fork(*signals.STOP):
            return  # the parent: closes its copy only
        listener.close()
        with connection, common.outlive(peer):
            echo(connection, peer, options)
        os._exit(0)


def main() -> None:
    parser = arguments.server(__doc__)
    parser.add_argument("--ignore", action="store_true", help="set SIGCHLD to SIG_IGN")
    options = parser.parse_args()
    if options.ignore:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    arriving = signals.as_bytes(*signals.STOP)

    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as listener:
        common.set_options(listener, options)
        with common.reports("bind"):
            listener.bind((options.address, options.port))
        with common.reports("listen"):
            listener.listen(options.backlog)
        common.ready(listener)

        while arriving not in select.select([listener.fileno(), arriving], [], [])[0]:
            serve(listener, options)  # the mistake; right: and at each SIGCHLD os.waitpid(-1, os.WNOHANG)


if __name__ == "__main__":
    main()
