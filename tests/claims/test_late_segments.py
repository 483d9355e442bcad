"""The claims of late_segments on histories written by hand: right, wrong in one thing, with things missing."""

from typing import Any

from badwire.evidence import Evidence
from scenarios.late_segments import FROM, NEW, OLD, PORTS
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written

HOSTS = ("server1", "server2", "client")


def run(
    anything: bool = True,
    copy: float | None = 2.5,
    read: tuple[bytes, ...] = (OLD, NEW),
    paws1: int | None = 1,
    paws2: int | None = 0,
    answer: bool = True,
    sack: tuple[int, int] | None = (101, 104),
    ack: int = 5001,
    data: bool = True,
    second: bool = True,
) -> Evidence:
    """A correct history, but for what is changed: when the copy arrives (s), what is read, counted, answered."""
    w = Written(HOSTS, scenario="late_segments")
    if not anything:
        return w.evidence()
    for name, port in PORTS.items():
        there: dict[str, Any] = {"sport": port + FROM, "dport": port}
        back: dict[str, Any] = {"sport": port, "dport": port + FROM}
        w.segment("client", name, 0.1, "S", seq=100, **there)
        w.segment(name, "client", 0.2, "SA", seq=900, ack=101, **back)
        if data:
            arrives = (0.3001,) if copy is None else (0.3001, copy)
            w.segment("client", name, 0.3, "PA", seq=101, ack=901, data=OLD, delivered=arrives, **there)
        if second:
            w.segment("client", name, 2.1, "S", seq=5000, **there)
            w.segment(name, "client", 2.2, "SA", seq=7000, ack=5001, **back)
            w.segment("client", name, 2.3, "A", seq=5001, ack=7001, **there)
            if answer:
                options = {} if sack is None else {"sack": [sack]}
                w.segment(name, "client", 2.6, "A", seq=7001, ack=ack, options=options, **back)
        for number, value in enumerate(read):
            w.call(name, 0.4 + 3 * number, "recv", 65536, value=value, socket=2 + number)
    count(w, "server1", paws1)
    count(w, "server2", paws2)
    return w.evidence()


def count(w: Written, host: str, refused: int | None) -> None:
    """By how much a host's counter grows; None: it is not recorded."""
    if refused is not None:
        w.counters(host, 0, TcpExt_PAWSEstab=3)
        w.counters(host, 4, TcpExt_PAWSEstab=3 + refused)


WRONG: Named = [
    ("only_new_data", {"copy": None}),
    ("only_new_data", {"copy": 1.5}),  # it met TIME_WAIT and not the new connection
    ("only_new_data", {"read": (OLD, OLD + NEW)}),
    ("only_new_data", {"read": (OLD, OLD, NEW)}),
    ("refused_by_timestamp", {"paws1": 0}),
    ("refused_by_timestamp", {"paws2": 1}),
    ("refused_by_timestamp", {"paws1": 2}),
    ("answered", {"sack": None}),
    ("answered", {"sack": (5001, 5004)}),
    ("answered", {"ack": 5004}),
]
MISSING: Named = [
    ("only_new_data", {"data": False}),
    ("only_new_data", {"second": False}),
    ("only_new_data", {"read": ()}),
    ("refused_by_timestamp", {"paws1": None}),
    ("answered", {"answer": False}),
    ("answered", {"data": False}),
    ("answered", {"second": False}),
    ("only_new_data", {"anything": False}),
    ("refused_by_timestamp", {"anything": False}),
    ("answered", {"anything": False}),
]
test_verdicts = verdicts("late_segments", run, wrong=WRONG, missing=MISSING)
