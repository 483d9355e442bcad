"""The claims of backlog_overflow on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.backlog_overflow import BACKLOG, DATA, IGNORES, RESETS
from tests.claims.tables import Tables
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("backlog_overflow").claims}
IGNORED = "by_default_it_is_ignored_and_then_data_until_there_is_room"
RESET = "with_tcp_abort_on_overflow_it_is_answered_by_rst"
COUNTED = "the_kernel_counts_each_segment_that_found_no_room"
HOSTS = ("server1", "server2", "client")
LOSER = 40005


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named."""
    it: dict[str, Any] = {
        "made": BACKLOG + 1, "data": (2.1, 2.3, 2.5, 2.9), "syn_ack_again": False, "room": 2.9,
        "states": ("SYN_RECV", "ESTABLISHED"), "read": DATA, "answer": "R", "learns": "ECONNRESET", "ignored": (4, 4),
        "reset": (1, 1),
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(HOSTS, scenario="backlog_overflow")
    for server, port in ("server1", IGNORES), ("server2", RESETS):
        for number in range(it["made"]):
            handshake(w, server, port, 1.0 + number / 10, 40001 + number)
        handshake(w, server, port, 2.0, LOSER)
    here, there = {"sport": LOSER, "dport": IGNORES}, {"sport": IGNORES, "dport": LOSER}
    for t in it["data"]:
        w.segment("client", "server1", t, "PA", seq=101, ack=501, data=DATA, **here)
    if it["syn_ack_again"]:
        w.segment("server1", "client", 2.6, "SA", seq=500, ack=101, **there)
        w.segment("client", "server1", 2.6001, "A", seq=106, ack=501, **here)
    w.segment("server1", "client", 2.91, "A", seq=501, ack=106, **there)
    if it["answer"]:
        w.segment("server2", "client", 2.01, it["answer"], seq=501, ack=101, sport=RESETS, dport=LOSER)
    w.call("client", 2.0, "recv", 65536, errno=it["learns"])
    if it["read"] is not None:
        w.call("server1", 3.0, "recv", 65536, value=it["read"])
    tables = Tables(w)
    client, server = w.hosts["client"], w.hosts["server1"]
    tables.add("client", sock("ESTABLISHED", LOSER, IGNORES, client, server), since=2.01)
    for state, since, until in zip(it["states"], (2.005, it["room"]), (it["room"], None), strict=True):
        if state:
            tables.add("server1", sock(state, IGNORES, LOSER, server, client), since=since, until=until)
    tables.write()
    for host, counted in ("server1", it["ignored"]), ("server2", it["reset"]):
        w.counters(host, 0, TcpExt_ListenOverflows=1, TcpExt_ListenDrops=1)
        if counted:
            w.counters(host, 9, TcpExt_ListenOverflows=1 + counted[0], TcpExt_ListenDrops=1 + counted[1])
    return w.evidence()


def handshake(w: Written, server: str, port: int, t: float, mine: int) -> None:
    w.segment("client", server, t, "S", seq=100, sport=mine, dport=port)
    w.segment(server, "client", t + 0.001, "SA", seq=500, ack=101, sport=port, dport=mine)
    w.segment("client", server, t + 0.002, "A", seq=101, ack=501, sport=mine, dport=port)


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


RIGHT: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLAIMS),
    (COUNTED, {"syn_ack_again": True}),  # its answer found the room, and the data that followed was no first ACK
    (COUNTED, {"syn_ack_again": True, "ignored": (5, 5)}),  # it found none
]


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_it_holds_for_a_right_record(name: str, right: dict[str, Any]) -> None:
    assert outcome(name, run(**right)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (IGNORED, {"data": (2.1,)}),
    (IGNORED, {"room": 2.1}),
    (IGNORED, {"states": ("ESTABLISHED", "ESTABLISHED")}),
    (IGNORED, {"read": b"hell"}),
    (RESET, {"answer": "A"}),
    (RESET, {"answer": ""}),
    (RESET, {"learns": "ETIMEDOUT"}),
    (COUNTED, {"ignored": (3, 3)}),
    (COUNTED, {"ignored": (4, 5)}),
    (COUNTED, {"reset": (0, 1)}),
    (COUNTED, {"reset": (1, 2)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (IGNORED, {"read": None}),
    (IGNORED, {"states": ("SYN_RECV", "")}),
    (IGNORED, {"made": BACKLOG}),
    (RESET, {"learns": None}),
    (RESET, {"made": BACKLOG}),
    (COUNTED, {"ignored": None}),
    (COUNTED, {"reset": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written(HOSTS).evidence()) is UNKNOWN
