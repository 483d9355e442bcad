"""The claims of backlog on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.backlog import BACKLOG, FEW, MANY, MOST, SERVED
from tests.claims.tables import Tables
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("backlog").claims}
ONE_MORE = "as_many_as_the_backlog_and_one_more_complete_without_accept"
CUT = "a_backlog_above_somaxconn_is_cut_to_it"
NEXT = "the_next_syn_gets_no_answer_and_finds_room_when_it_comes_again"
COUNTS = "the_kernel_counts_it"
NOT_CLIENTS = "far_more_clients_than_that_are_served_at_once"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named."""
    it: dict[str, Any] = {
        "few": (BACKLOG + 1, BACKLOG), "few_free": BACKLOG + 1, "many": (MOST + 1, MOST), "many_free": MOST + 1,
        "syns": (3.0, 4.02), "answers": ((4.1, "SA"),), "connections": BACKLOG + 2, "overflows": 1, "drops": 1,
        "served": SERVED,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="backlog")
    tables = Tables(w)
    for number, port in enumerate((FEW, MANY)):
        queue, free = (it["few"], it["few_free"]) if port == FEW else (it["many"], it["many_free"])
        if queue:
            empty, full = (sock("LISTEN", port, inode=5 + number, rqueue=n, wqueue=queue[1]) for n in (0, queue[0]))
            tables.add("server", empty, since=0.1, until=2.0)
            tables.add("server", full, since=2.0, until=3.5)
        for client in range(free):
            tables.add("server", sock("ESTABLISHED", port, 40001 + client), since=2.0, until=3.5)
    for client in range(it["served"]):
        tables.add("server", sock("ESTABLISHED", FEW, 40001 + client, inode=20 + client), since=5.0)
    tables.write()
    for client in range(it["connections"] - 1):
        connection(w, 1.0 + client / 10, 40001 + client)
    last = {"sport": 40099, "dport": FEW}
    for t in it["syns"]:
        w.segment("client", "server", t, "S", seq=100, **last)
    for t, flags in it["answers"]:
        w.segment("server", "client", t, flags, seq=500, ack=101, sport=FEW, dport=40099)
    if it["answers"] == ((4.1, "SA"),):
        w.segment("client", "server", 4.2, "A", seq=101, ack=501, **last)
    w.counters("server", 0, TcpExt_ListenOverflows=3, TcpExt_ListenDrops=4)
    if it["drops"] is not None:
        overflows, drops = it["overflows"], it["drops"]
        w.counters("server", 9, TcpExt_ListenOverflows=3 + overflows, TcpExt_ListenDrops=4 + drops)
    return w.evidence()


def connection(w: Written, t: float, port: int) -> None:
    w.segment("client", "server", t, "S", seq=100, sport=port, dport=FEW)
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, sport=FEW, dport=port)
    w.segment("client", "server", t + 0.002, "A", seq=101, ack=501, sport=port, dport=FEW)


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (ONE_MORE, {"few": (BACKLOG, BACKLOG)}),
    (ONE_MORE, {"few": (BACKLOG + 1, BACKLOG + 1)}),
    (ONE_MORE, {"few_free": BACKLOG}),
    (CUT, {"many": (7, 128)}),
    (CUT, {"many": (MOST, MOST)}),
    (CUT, {"many_free": MOST + 2}),
    (NEXT, {"syns": (3.0, 3.5)}),
    (NEXT, {"syns": (3.0, 4.02, 6.04)}),
    (NEXT, {"syns": (3.0,), "answers": ((3.01, "SA"),)}),
    (NEXT, {"answers": ((3.01, "RA"),)}),
    (NEXT, {"answers": ()}),
    (COUNTS, {"overflows": 0}),
    (COUNTS, {"drops": 2}),
    (NOT_CLIENTS, {"served": BACKLOG + 1}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (ONE_MORE, {"few": None}),
    (CUT, {"many": None}),
    (NEXT, {"connections": BACKLOG}),
    (COUNTS, {"drops": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
