"""The claims of orphans on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.orphans import HALF, LEAKED, LONG, MORE, STUCK, TIMEOUT, WAITS
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("orphans").claims}
ORPHAN, OWNED, TWICE, LEAK, TOO_LATE = CLAIMS
PORTS = {LEAKED: 40001, HALF: 40002, LONG: 40003}  # the client's
Look = dict[str, Any]


def handshake(w: Written, t: float, port: int) -> tuple[dict[str, int], dict[str, int]]:
    """Three segments and the client's FIN; the ports that each side's further segments have."""
    client, server = {"sport": PORTS[port], "dport": port}, {"sport": port, "dport": PORTS[port]}
    w.segment("client", "server", t, "S", seq=100, **client)
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **server)
    w.segment("client", "server", t + 0.002, "A", seq=101, ack=501, **client)
    w.segment("client", "server", t + 0.01, "FA", seq=101, ack=501, **client)
    w.segment("server", "client", t + 0.02, "A", seq=501, ack=102, **server)
    return client, server


def look(host: str, port: int, state: str, **more: Any) -> Look:
    if host == "server":
        return sock(state, port, PORTS[port], **more)
    return sock(state, PORTS[port], port, "10.0.0.3", "10.0.0.2", **more)


def client_looks(w: Written, it: dict[str, Any]) -> None:
    """All three are in FIN_WAIT_2 from 1 s on; what is gone at a time is no more in the looks from then on."""
    first = {
        LEAKED: look("client", LEAKED, WAITS, timer=it["orphan_timer"], inode=it["orphan_inode"]),
        HALF: look("client", HALF, WAITS, timer=it["owned_timer"], inode=it["owned_inode"]),
        LONG: look("client", LONG, WAITS, timer=it["long_timers"][0]),
    }
    later = first | {LONG: look("client", LONG, WAITS, timer=it["long_timers"][-1])}
    ends = {LEAKED: it["orphan_waits"], HALF: it["owned_waits"], LONG: it["long_waits"]}
    ends = {port: 1 + waits for port, waits in ends.items() if waits is not None}
    for t in sorted({1.0, 5.0, *ends.values()}):
        table = first if t < 5 else later
        there = [table[port] for port, end in ends.items() if t < end]
        w.sample("client", t, [] if it["blind"] else there)


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is what is missing."""
    it: dict[str, Any] = {
        "orphan_waits": TIMEOUT + 0.05, "orphan_timer": "time_wait", "orphan_inode": 0, "owned_waits": 20.0,
        "owned_timer": "off", "owned_inode": 5, "long_waits": 2 * MORE + 0.1, "long_timers": ("keepalive", "time_wait"),
        "stuck": 9.0, "stuck_timer": "off", "leaked_inode": 7, "unread": 1, "queued_inode": 0,
        "late": (("server", "FA", 1, 2), ("client", "R", 2, 0)), "blind": False, "hz": 250,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="orphans", hz=it["hz"])
    ports = {port: handshake(w, 0.9, port) for port in PORTS}
    for n, (host, flags, number, ack) in enumerate(it["late"]):
        own, there = (("client", 100), ("server", 500)) if host == "client" else (("server", 500), ("client", 100))
        ends = ports[LEAKED][0 if host == "client" else 1]
        w.segment(host, there[0], 10.1 + n / 100, flags, seq=own[1] + number, ack=there[1] + ack, **ends)
    client_looks(w, it)
    stuck = [
        look("server", LEAKED, STUCK, timer=it["stuck_timer"], inode=it["leaked_inode"], rqueue=it["unread"]),
        look("server", HALF, STUCK, inode=it["queued_inode"], rqueue=1),
        look("server", LONG, STUCK, rqueue=1),
    ]
    if it["stuck"] is not None:
        w.sample("server", 1, [] if it["blind"] else stuck)
        w.sample("server", 1 + it["stuck"], [] if it["blind"] else stuck[1:])
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


RIGHT: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLAIMS),
    (ORPHAN, {"hz": 100, "orphan_waits": 5.08}),
    (TWICE, {"long_waits": 8.5}),  # both stages late by a step of the wheel
]


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_it_holds_for_a_right_record(name: str, right: dict[str, Any]) -> None:
    assert outcome(name, run(**right)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (ORPHAN, {"orphan_waits": 4.9}),
    (ORPHAN, {"orphan_waits": 5.6}),
    (ORPHAN, {"orphan_waits": 60.0}),
    (ORPHAN, {"orphan_timer": "keepalive"}),
    (ORPHAN, {"orphan_inode": 6}),
    (OWNED, {"owned_timer": "keepalive"}),
    (OWNED, {"owned_inode": 0}),
    (OWNED, {"owned_waits": 5.0}),
    (TWICE, {"long_waits": 64.0}),
    (TWICE, {"long_waits": 4.1}),
    (TWICE, {"long_timers": ("time_wait", "time_wait")}),
    (LEAK, {"stuck": 5.0}),
    (LEAK, {"stuck_timer": "keepalive"}),
    (LEAK, {"leaked_inode": 0}),
    (LEAK, {"unread": 0}),
    (LEAK, {"queued_inode": 8}),
    (TOO_LATE, {"late": (("server", "FA", 1, 2), ("client", "A", 2, 2))}),
    (TOO_LATE, {"late": ()}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (ORPHAN, {"orphan_waits": None}),
    (ORPHAN, {"hz": 0}),
    (OWNED, {"owned_waits": None}),
    (OWNED, {"hz": 0}),
    (TWICE, {"long_waits": None}),
    (LEAK, {"stuck": None}),
    (TOO_LATE, {"stuck": None}),
    *((name, {"blind": True}) for name in CLAIMS),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
