#!/usr/bin/env python3
"""An echo server with a process for each client, whose SIGCHLD handler also waits for children that are alive.

THE MISTAKE: the handler calls `waitpid` with WNOHANG until it fails, and takes 0 ("children live, but none has ended")
for a reason to try again. While any other client is connected it spins, at full speed, and `accept` is not called: the
next client is connected by the kernel, and never answered.
A correct one stops at 0, since the next child that ends brings another SIGCHLD: echo_fork.py.

Here it rests after VAIN_WAITS, in a `waitpid` that blocks. From outside that looks the same; but a program that never
blocks would burn a processor and, where the clock moves only while all programs wait, would stop time.
"""

import os
import signal
import socket

from above import arguments, common, signals
from echo_serial import echo

VAIN_WAITS = 1000


def reap(*_: object) -> None:
    """Wait for every child."""
    vain = 0
    try:
        while True:
            pid, _status = os.waitpid(-1, os.WNOHANG if vain < VAIN_WAITS else 0)
            if pid == 0:
                vain += 1  # the mistake; right: return
                if vain == VAIN_WAITS:
                    common.say("waited in vain", vain)
    except ChildProcessError:
        return


def main() -> None:
    options = arguments.server(__doc__).parse_args()
    signals.end_by_signal()
    signal.signal(signal.SIGCHLD, reap)

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
                if signals.fork(signal.SIGCHLD):
                    continue  # the parent: closes its copy only
                listener.close()
                with connection, common.outlive(peer):
                    echo(connection, peer, options)
                os._exit(0)


if __name__ == "__main__":
    main()
