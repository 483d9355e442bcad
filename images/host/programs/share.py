#!/usr/bin/env python3
"""A server with a child for each client, whose parent keeps the connection too. Both do what the client tells them.

Each line that comes is a call: send, shutdown or close; any other ends the process without one. The child obeys until
it has closed or ended. The parent, which kept its copy, waits for that, and then obeys in its turn.
"""

import os
import select
import signal
import socket

import arguments
import common
import signals


def read_line(connection: socket.socket) -> str:
    """Return the next line, and take no byte more: what follows may be for the other process."""
    line = b""
    while not line.endswith(b"\n") and (byte := connection.recv(1)):
        line += byte
    return line.decode(errors="replace").strip()


def wait_for(fd: int, arriving: int) -> None:
    """Return when there is something to read, or the child has ended; exit if told to stop."""
    readable, _, _ = select.select([fd, arriving], [], [])
    if arriving in readable and not {*os.read(arriving, 4096)}.isdisjoint(signals.STOP):
        raise SystemExit


def obey(who: str, connection: socket.socket, arriving: int) -> None:
    """Carry out what the lines say, and print it."""
    calls = {
        "send": lambda: connection.sendall(f"{who}\n".encode()),
        "shutdown": lambda: connection.shutdown(socket.SHUT_WR),
        "close": connection.close,
    }
    while connection.fileno() >= 0:
        wait_for(connection.fileno(), arriving)
        if (order := read_line(connection)) not in calls:
            return
        try:
            calls[order]()
            common.say(who, order)
        except OSError as error:
            common.say(who, f"{order}: {common.error_name(error)}")


def share(connection: socket.socket, peer: tuple[str, int], arriving: int) -> None:
    """Give one client two processes."""
    if (child := signals.fork(signal.SIGCHLD, *signals.STOP)) == 0:
        with common.outlive(peer):
            obey("child", connection, signals.as_bytes(*signals.STOP))
        os._exit(0)
    try:
        wait_for(arriving, arriving)  # for SIGCHLD
    finally:
        os.kill(child, signal.SIGTERM)  # if it lives
        os.waitpid(child, 0)
    common.say("parent alone")
    obey("parent", connection, arriving)


def main() -> None:
    options = arguments.server(__doc__).parse_args()
    arriving = signals.as_bytes(signal.SIGCHLD, *signals.STOP)
    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as listener:
        common.set_options(listener, options)
        with common.reports("bind"):
            listener.bind((options.address, options.port))
        with common.reports("listen"):
            listener.listen(options.backlog)
        common.ready(listener)

        while True:
            wait_for(listener.fileno(), arriving)
            connection, peer = listener.accept()
            common.accepted(peer)
            with connection, common.outlive(peer):
                share(connection, peer, arriving)


if __name__ == "__main__":
    main()
