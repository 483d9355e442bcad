#!/usr/bin/env python3
"""A server that greets each client by its name, with a process for each client; it reaps its children.

The name is a line. The child process waits for it, so a client that is slow to send its name keeps nobody else waiting.
"""

import os
import select
import signal
import socket

import arguments
import common
import signals
from echo_fork import reap


def read_name(connection: socket.socket) -> bytes:
    """Return the first line that comes, or what there is of it when the client has closed."""
    with connection.makefile("rb") as lines:
        return lines.readline()


def start_child(listener: socket.socket, options: arguments.Options) -> int:
    """Accept a client and give it a process, which learns its name and greets it; return the process's number."""
    with common.reports("accept"):
        connection, peer = listener.accept()
    common.accepted(peer)
    with connection, common.outlive(peer):
        if pid := signals.fork(signal.SIGCHLD, *signals.STOP):
            return pid  # the parent: closes its copy only
        listener.close()
        with connection, common.outlive(peer):
            name = read_name(connection)
            common.received(options, peer, name)
            connection.sendall(b"hello, " + name)
        os._exit(0)
    return 0  # no process to be had: the client sees the connection close


def main() -> None:
    parser = arguments.server(__doc__)
    arguments.printing(parser)
    options = parser.parse_args()
    arriving = signals.as_bytes(signal.SIGCHLD, *signals.STOP)
    children: set[int] = set()
    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as listener:
        common.set_options(listener, options)
        with common.reports("bind"):
            listener.bind((options.address, options.port))
        with common.reports("listen"):
            listener.listen(options.backlog)
        common.ready(listener)

        arrived = b""
        while not any(number in arrived for number in signals.STOP):
            readable, _, _ = select.select([listener.fileno(), arriving], [], [])
            if listener.fileno() in readable and (pid := start_child(listener, options)):
                children.add(pid)
            arrived = os.read(arriving, 4096) if arriving in readable else b""
            reap(children)
    for pid in children:
        os.kill(pid, signal.SIGTERM)
    for pid in children:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
