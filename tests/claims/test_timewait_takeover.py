"""The claims of timewait_takeover on histories written by hand: right, wrong, with things missing."""

from collections.abc import Sequence
from typing import Any

from badwire.evidence import Evidence
from scenarios.timewait_takeover import FROM, HALF, PORTS
from tests.claims.cases import verdicts
from tests.claims.written import Written, sock

HOSTS = ("server1", "server2", "client")
BINDS = (None, None, "EADDRINUSE")
FIN = 101  # the number of the old FIN


def run(
    copies: int = 2,
    answer: str = "A",
    syn: bool = True,
    isn: int = 5000,
    accepted: bool = True,
    waits: float | None = 2.0,
    binds: Sequence[str | None] = BINDS,
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing.

    Args:
        copies: how often the old SYN arrives.
        answer: the flags of the server's answer to the copy.
        syn: whether there was any connection.
        isn: the initial number of the new one.
        accepted: whether the new SYN is answered.
        waits: how long the server is in TIME_WAIT, in seconds.
        binds: the errno of each bind on a port of the client's.
    """
    w = Written(HOSTS)
    for name, port in PORTS.items():
        if syn:
            old_connection(w, name, port, copies, answer)
            new_connection(w, name, port, isn, accepted)
        if waits is not None:
            w.sample(name, 0.55, [])
            w.sample(name, 0.56, [sock("TIME_WAIT", port, port + FROM)])
            w.sample(name, 0.56 + waits, [])
        for number, errno in enumerate(binds):
            t = port - 7000 + number / 10
            w.call("client", t, "bind", ["0.0.0.0", port + FROM], errno=errno, socket=number)
    return w.evidence()


def old_connection(w: Written, name: str, port: int, copies: int, answer: str) -> None:
    """A connection that the server closes first, and what follows the copy of its SYN."""
    client: dict[str, Any] = {"sport": port + FROM, "dport": port}
    server: dict[str, Any] = {"sport": port, "dport": port + FROM}
    w.segment("client", name, 0.1, "S", seq=100, delivered=(0.1001, 1.5)[:copies], **client)
    w.segment(name, "client", 0.2, "SA", seq=900, ack=101, **server)
    w.segment("client", name, 0.3, "A", seq=101, ack=901, **client)
    w.segment(name, "client", 0.4, "FA", seq=901, ack=101, **server)
    w.segment("client", name, 0.5, "FA", seq=FIN, ack=902, **client)
    w.segment(name, "client", 0.6, "A", seq=902, ack=102, **server)
    w.segment(name, "client", 1.51, answer, seq=902, ack=102, **server)
    w.segment("client", name, 1.52, "R", seq=102, **client)


def new_connection(w: Written, name: str, port: int, isn: int, accepted: bool) -> None:
    """The new SYN, and the rest of its handshake if it is answered."""
    client: dict[str, Any] = {"sport": port + FROM, "dport": port}
    server: dict[str, Any] = {"sport": port, "dport": port + FROM}
    w.segment("client", name, 2.1, "S", seq=isn, **client)
    if accepted:
        w.segment(name, "client", 2.2, "SA", seq=7000, ack=isn + 1, **server)
        w.segment("client", name, 2.3, "A", seq=isn + 1, ack=7001, **client)


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("old_syn", {"copies": 1}),
    ("old_syn", {"answer": "SA"}),
    ("new_syn", {"isn": FIN}),
    ("new_syn", {"isn": FIN + HALF}),
    ("new_syn", {"waits": 61.0}),
    ("port_is_kept", {"binds": (None, None, None)}),
    ("port_is_kept", {"binds": (None, "EADDRINUSE", "EADDRINUSE")}),
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("old_syn", {"syn": False}),
    ("new_syn", {"syn": False}),
    ("new_syn", {"accepted": False}),
    ("new_syn", {"waits": None}),
    ("port_is_kept", {"binds": ()}),
]
test_verdicts = verdicts("timewait_takeover", run, wrong=WRONG, missing=MISSING)
