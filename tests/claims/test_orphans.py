"""The claims of orphans on histories written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.orphans import CLIENT_STATE, CLOSED, EXCESS, HALF, LONG, SERVER_STATE, TIMEOUT
from tests.claims.cases import Changes, claims, verdict_of, verdicts
from tests.claims.written import Written, sock

PORTS = {CLOSED: 40001, HALF: 40002, LONG: 40003}  # the client's
TOO_LATE = (("server", "FA", 1, 2), ("client", "R", 2, 0))


def run(
    orphan_waits: float | None = TIMEOUT + 0.05,
    orphan_timer: str = "time_wait",
    orphan_inode: int = 0,
    owned_waits: float | None = 20.0,
    owned_timer: str = "off",
    owned_inode: int = 5,
    long_waits: float | None = 2 * EXCESS + 0.1,
    long_timers: tuple[str, str] = ("keepalive", "time_wait"),
    stuck: float | None = 9.0,
    stuck_timer: str = "off",
    leaked_inode: int = 7,
    unread: int = 1,
    queued_inode: int = 0,
    stays: bool = False,
    late: tuple[tuple[str, str, int, int], ...] = TOO_LATE,
    server_sampled: bool = True,
    client_sampled: bool = True,
    hz: int = 250,
) -> Evidence:
    """A correct history, but for what is changed; times in seconds, None for what is missing."""
    w = Written(scenario="orphans", hz=hz)
    for port in PORTS:
        handshake(w, 0.9, port)
    for number, (host, flags, seq, ack) in enumerate(late):
        segment(w, host, 10.1 + number / 100, CLOSED, flags, seq, ack)

    first = {
        CLOSED: entry("client", CLOSED, CLIENT_STATE, timer=orphan_timer, inode=orphan_inode),
        HALF: entry("client", HALF, CLIENT_STATE, timer=owned_timer, inode=owned_inode),
        LONG: entry("client", LONG, CLIENT_STATE, timer=long_timers[0]),
    }
    later = first | {LONG: entry("client", LONG, CLIENT_STATE, timer=long_timers[1])}
    waits = {CLOSED: orphan_waits, HALF: owned_waits, LONG: long_waits}
    ends = {port: 1 + wait for port, wait in waits.items() if wait is not None}
    for t in sorted({1.0, 5.0, *ends.values()}):
        table = first if t < 5 else later
        w.sample("client", t, [table[port] for port, end in ends.items() if t < end and client_sampled])

    on_server = [
        entry("server", CLOSED, SERVER_STATE, timer=stuck_timer, inode=leaked_inode, rqueue=unread),
        entry("server", HALF, SERVER_STATE, inode=queued_inode, rqueue=1),
        entry("server", LONG, SERVER_STATE, rqueue=1),
    ]
    if stuck is not None:
        w.sample("server", 1, on_server if server_sampled else [])
        w.sample("server", 1 + stuck, on_server[0 if stays else 1 :] if server_sampled else [])
    return w.evidence()


def handshake(w: Written, t: float, port: int) -> None:
    """Three segments, the client's FIN and the ACK of it."""
    segment(w, "client", t, port, "S", 0, 0)
    segment(w, "server", t + 0.001, port, "SA", 0, 1)
    segment(w, "client", t + 0.002, port, "A", 1, 1)
    segment(w, "client", t + 0.01, port, "FA", 1, 1)
    segment(w, "server", t + 0.02, port, "A", 1, 2)


def segment(w: Written, host: str, t: float, port: int, flags: str, seq: int, ack: int) -> None:
    """A segment with numbers counted from each side's SYN."""
    if host == "client":
        w.segment("client", "server", t, flags, seq=100 + seq, ack=500 + ack, sport=PORTS[port], dport=port)
    else:
        w.segment("server", "client", t, flags, seq=500 + seq, ack=100 + ack, sport=port, dport=PORTS[port])


def entry(host: str, port: int, state: str, **more: Any) -> dict[str, Any]:
    """A host's line in its table for the connection to ``port``."""
    if host == "server":
        return sock(state, port, PORTS[port], **more)
    return sock(state, PORTS[port], port, "10.0.0.3", "10.0.0.2", **more)


WRONG: list[tuple[str, Changes]] = [
    ("orphan_times_out", {"orphan_waits": 4.9}),
    ("orphan_times_out", {"orphan_waits": 5.6}),
    ("orphan_times_out", {"orphan_waits": 60.0}),
    ("orphan_times_out", {"orphan_timer": "keepalive"}),
    ("orphan_times_out", {"orphan_inode": 6}),
    ("owned_has_no_timer", {"owned_timer": "keepalive"}),
    ("owned_has_no_timer", {"owned_inode": 0}),
    ("owned_has_no_timer", {"owned_waits": 5.0}),
    ("excess_counts_twice", {"long_waits": 64.0}),
    ("excess_counts_twice", {"long_waits": 4.1}),
    ("excess_counts_twice", {"long_timers": ("time_wait", "time_wait")}),
    ("leaked_stays", {"stuck": 5.0}),
    ("leaked_stays", {"stuck_timer": "keepalive"}),
    ("leaked_stays", {"leaked_inode": 0}),
    ("leaked_stays", {"unread": 0}),
    ("leaked_stays", {"queued_inode": 8}),
    ("fin_comes_too_late", {"late": (TOO_LATE[0], ("client", "A", 2, 2))}),
    ("fin_comes_too_late", {"late": ()}),
    ("fin_comes_too_late", {"stays": True}),
]
EVERY_CLAIM = sorted(claims("orphans"))
MISSING: list[tuple[str, Changes]] = [
    ("orphan_times_out", {"orphan_waits": None}),
    ("orphan_times_out", {"hz": 0}),
    ("owned_has_no_timer", {"owned_waits": None}),
    ("owned_has_no_timer", {"hz": 0}),
    ("excess_counts_twice", {"long_waits": None}),
    ("leaked_stays", {"orphan_waits": None}),
    ("leaked_stays", {"owned_waits": None}),
    *((name, {"stuck": None}) for name in EVERY_CLAIM),
    *((name, {"server_sampled": False}) for name in EVERY_CLAIM),
    *((name, {"client_sampled": False}) for name in EVERY_CLAIM),
]
test_verdicts = verdicts("orphans", run, wrong=WRONG, missing=MISSING)

ALSO_RIGHT: list[tuple[str, Changes]] = [
    ("orphan_times_out", {"hz": 100, "orphan_waits": 5.08}),
    ("excess_counts_twice", {"long_waits": 8.5}),  # both timers late by a step of the wheel
]


@pytest.mark.parametrize(("name", "changes"), ALSO_RIGHT)
def test_it_holds_for_other_right_histories_too(name: str, changes: Changes) -> None:
    assert verdict_of(claims("orphans")[name], run(**changes)) is HOLDS
