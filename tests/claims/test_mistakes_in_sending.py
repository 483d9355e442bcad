"""The claims of mistakes_in_sending on histories written by hand: right, wrong in one thing, with things missing."""

from typing import Any

from badwire.evidence import Evidence
from scenarios.mistakes_in_sending import LOST, MUCH, RIGHT, SHORT
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written


def answer(w: Written, port: int, client_port: int, t: float, length: int, fin: bool) -> None:
    """A client's connection, with so many bytes of answer, and then a FIN or not."""
    client: dict[str, Any] = {"sport": client_port, "dport": port}
    server: dict[str, Any] = {"sport": port, "dport": client_port}
    w.segment("client", "server", t, "S", seq=100, **client)
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **server)
    for at in range(0, length, 1000):
        data = bytes(min(1000, length - at))
        w.segment("server", "client", t + 0.01 + at * 1e-6, "PA", seq=501 + at, ack=101, data=data, **server)
    if fin:
        w.segment("server", "client", t + 0.2, "FA", seq=501 + length, ack=102, **server)


def run(
    right: int = len(MUCH),
    short: int = 2920,
    right_fin: bool = True,
    short_fin: bool = True,
    lost: int | None = 2,
    status: int | None = 3,
    signal: str | None = "SIGKILL",
    until: float | None = 9.2,
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing.

    Args:
        right, short: bytes that the two servers send back.
        lost: how many of the two answers are lost; None: there are none.
        status: with which the right client exits.
        signal: that ends the other one, ``until``: when, in seconds.
    """
    w = Written(scenario="mistakes_in_sending")
    answer(w, RIGHT, 40001, 0.1, right, right_fin)
    answer(w, SHORT, 40002, 0.5, short, short_fin)
    for number in range(2):
        client_port = 41000 + number
        w.datagram("client", "server", 2.1 + number / 10, b"?", sport=client_port, dport=LOST)
        if lost is not None:
            w.datagram("server", "client", 2.15 + number / 10, b"?", sport=LOST, dport=client_port, lost=number < lost)
    if until is not None:
        w.program("client", 2.0, "ask_for_ever", number=1, exits=until, status=None, signal=signal)
        if signal is not None:
            w.record("program", until - 0.01, event="signal", host="client", program=1, signal=signal)
    if status is not None:
        w.program("client", 2.0, "send_datagrams", number=2, exits=4.1, status=status)
    return w.evidence()


WRONG: Named = [
    ("short_write", {"short": len(MUCH)}),
    ("short_write", {"right": 2920}),
    ("lost_answer", {"lost": 1}),
    ("lost_answer", {"status": 0}),
    ("lost_answer", {"signal": None}),
    ("lost_answer", {"until": 8.9}),
]
MISSING: Named = [
    ("short_write", {"short": 0}),
    ("short_write", {"right": 0}),
    ("short_write", {"right_fin": False}),
    ("short_write", {"short_fin": False}),
    ("lost_answer", {"lost": None}),
    ("lost_answer", {"status": None}),
    ("lost_answer", {"until": None}),
]
test_verdicts = verdicts("mistakes_in_sending", run, wrong=WRONG, missing=MISSING)
