#!/usr/bin/env python3
"""A client that opens many connections at once, to see whether a server serves them side by side.

Each connection sends a message of its own, verifies the answer, and stays until all have been answered, or --stay
seconds. A server for one client after another makes the second wait until the first has left. Times are in seconds
since the start; `waited` is from connected to answered.
"""

import socket
import sys
import threading
import time

import arguments
import common
import signals


class Visit:
    """One connection: its port, how it went, and when it got how far."""

    def __init__(self, number: int, began: float) -> None:
        self.number, self.began, self.port, self.outcome = number, began, 0, "no answer"
        self.times: dict[str, float] = {}

    def make(self, options: arguments.Options, here: list["Visit"], all_here: threading.Event) -> None:
        """Connect, exchange one message, stay, leave; each visit does it in a thread of its own."""
        message, answer, call = b"connection %d\0\n" % self.number, b"", "socket"
        try:
            with socket.socket(common.family(options.address), socket.SOCK_STREAM) as connection:
                common.set_options(connection, options)
                call = "connect"
                connection.connect((options.address, options.port))
                self.port, self.times["connected"] = connection.getsockname()[1], time.monotonic() - self.began
                call = "send"
                connection.sendall(message)
                call = "recv"
                while len(answer) < len(message) and (data := connection.recv(4096)):
                    answer += data
                self.times["answered"] = time.monotonic() - self.began
                self.times["waited"] = self.times["answered"] - self.times["connected"]
                self.outcome = "verified" if answer == message else "differs"
                here.append(self)
                if len(here) == options.connections:
                    all_here.set()
                all_here.wait(options.stay)
                self.times["left"] = time.monotonic() - self.began
        except OSError as error:
            self.outcome = f"{call}: {common.error_name(error)}"


def main() -> None:
    parser = arguments.client(__doc__)
    parser.add_argument("--connections", type=arguments.number(1, 1000), default=10, metavar="N", help="default 10")
    parser.add_argument("--stay", type=arguments.seconds(), default=1.0, metavar="SECONDS", help="at most; default 1")
    options = parser.parse_args()
    signals.end_by_signal()

    here, all_here, began = list[Visit](), threading.Event(), time.monotonic()
    visits = [Visit(number, began) for number in range(options.connections)]
    threads = [threading.Thread(target=visit.make, args=(options, here, all_here), daemon=True) for visit in visits]
    with common.reports("thread"):
        for thread in threads:
            common.start(thread)
    for thread in threads:
        thread.join()

    for visit in visits:
        times = (f"{name} {value:.6f}" for name, value in visit.times.items())
        common.say("connection", visit.number, "port", visit.port or "-", visit.outcome, *times)
    good = [visit.times for visit in visits if visit.outcome == "verified"]
    together = max((sum(a["answered"] <= b["answered"] < a["left"] for a in good) for b in good), default=0)
    common.say("verified", len(good), "of", len(visits), "side by side", together)
    if len(good) < len(visits):
        common.complain(
            "not every connection was served; the lines above say which, and the server's output may say why"
        )
        sys.exit(common.NETWORK_SAID_NO if any(":" in visit.outcome for visit in visits) else common.NOT_VERIFIED)


if __name__ == "__main__":
    main()
