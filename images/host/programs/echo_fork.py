#!/usr/bin/env python3
"""An echo server with a process for each client, which reaps its children.

In C, SIGCHLD interrupts accept with EINTR. Python calls accept again by itself (PEP 475), so its programs never see
EINTR, and would not reap before the next client comes. So this one waits for clients and for signals at once.
When it is stopped it stops its children too, and waits for them. (SIGKILL leaves it no time for that.)
"""

import os
import select
import signal
import socket

import arguments
import common
import signals
from echo_serial import echo


def reap(children: set[int]) -> None:
    """Wait for every child that has ended: one SIGCHLD may stand for several."""
    before = len(children)
    while children and (pid := os.waitpid(-1, os.WNOHANG)[0]):
        children.discard(pid)
    if len(children) < before:
        common.say("reaped", before - len(children), "left", len(children))


def start_child(listener: socket.socket, options: arguments.Options) -> int:
    """Accept a client and give it a process; return its number. Two processes hold the connection until one closes."""
    with common.reports("accept"):
        connection, peer = listener.accept()
    common.accepted(peer)
    with connection, common.outlive(peer):
        if pid := signals.fork(signal.SIGCHLD, *signals.STOP):
            return pid  # the parent: closes its copy only
        listener.close()
        with connection, common.outlive(peer):
            echo(connection, peer, options)
        os._exit(0)
    return 0  # no process to be had: the client sees the connection close


def main() -> None:
    parser = arguments.server(__doc__)
    arguments.close_after(parser)
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
