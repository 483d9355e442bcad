#!/usr/bin/env python3
"""An echo server with a process for each client, which waits for one child at each SIGCHLD.

THE MISTAKE: it takes one signal for one child. While it handles a signal, that signal is blocked, and however many
children end meanwhile, one signal is pending afterwards. All of them but one stay zombies.
A correct one waits in a loop for every child that has ended: echo_fork.py. A signal ends this one as it ends a client.
"""

import os
import signal
import socket
import time

from above import arguments, common, signals
from echo_serial import echo


def accept(listener: socket.socket, options: arguments.Options) -> None:
    """Accept a client and give it a process."""
    with common.reports("accept"):
        connection, peer = listener.accept()
    common.accepted(peer)
    with connection, common.outlive(peer):
        if os.fork():
            return  # the parent: closes its copy only
        listener.close()
        with connection, common.outlive(peer):
            echo(connection, peer, options)
        os._exit(0)


def main() -> None:
    parser = arguments.server(__doc__)
    parser.add_argument("--clients", type=arguments.number(1), default=3, metavar="N", help="serve so many; default 3")
    parser.add_argument("--work", type=arguments.seconds(), default=1.0, metavar="S", help="time to handle a signal")
    options = parser.parse_args()
    signals.end_by_signal()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # at most one is pending, as in a handler

    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as listener:
        common.set_options(listener, options)
        with common.reports("bind"):
            listener.bind((options.address, options.port))
        with common.reports("listen"):
            listener.listen(options.backlog)
        common.ready(listener)

        for _ in range(options.clients):
            accept(listener, options)
        while True:
            signal.sigwait({signal.SIGCHLD})
            pid, _ = os.waitpid(-1, os.WNOHANG)  # the mistake; right: in a loop, until no other child has ended
            common.say("reaped", pid)
            time.sleep(options.work)


if __name__ == "__main__":
    main()
