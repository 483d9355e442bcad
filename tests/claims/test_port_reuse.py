"""The claims of port_reuse on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.port_reuse import GAP, PORT, PORTS
from tests.claims.tables import Tables
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("port_reuse").claims}
REUSED = "tcp_tw_reuse_takes_a_waiting_port_after_a_second"
NUMBERS = "the_new_connection_s_numbers_begin_where_none_of_the_old_one_s_can_be"
WITHOUT = "without_timestamps_none_is_taken"
GOOD: list[str | None] = [None] * len(PORTS)
NONE_LEFT = "EADDRNOTAVAIL"
OLD = {"release": "6.1.192", "hz": 100}


def run(**wrong: Any) -> Evidence:
    """A run as it should be on 6.18, but for what is named. All wait from 1.3 s on."""
    it: dict[str, Any] = {
        "release": "6.18.44", "hz": 250, "first": [*GOOD, NONE_LEFT], "second": None, "refused": 1.4, "again": 2.4,
        "recycled": 1, "waits": True, "gap": GAP, "port": PORTS[2], "without": [*GOOD, NONE_LEFT, NONE_LEFT],
        "offered": False,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(("server", "client1", "client2"), scenario="port_reuse", release=it["release"], hz=it["hz"])
    server, (one, two) = w.hosts["server"], (w.hosts["client1"], w.hosts["client2"])
    for number, errno in enumerate(it["first"]):
        t = 1.0 + number / 100 if errno is None else it["refused"]
        w.call("client1", t, "connect", [server, PORT], errno=errno)
    w.call("client1", it["again"], "connect", [server, PORT], errno=it["second"])
    for number, errno in enumerate(it["without"]):
        w.call("client2", 1.0 + number / 100, "connect", [server, PORT], errno=errno)
    tables = Tables(w)
    for port in PORTS if it["waits"] else ():
        tables.add("client1", sock("TIME_WAIT", port, PORT, one, server), since=1.3)
    tables.add("client1", sock("LISTEN", 9), since=0.1)
    tables.add("client2", sock("TIME_WAIT", PORTS[0], PORT, two, server), since=1.3)
    tables.write()
    for number, port in enumerate(PORTS):
        connection(w, "client1", 1.0 + number / 100, port, 1000 * number, stamps=True)
    if it["gap"] is not None:
        new = 1000 * PORTS.index(it["port"]) + 2 + it["gap"] if it["port"] in PORTS else 7
        w.segment("client1", "server", it["again"], "S", seq=new, sport=it["port"], dport=PORT)
    connection(w, "client2", 1.0, PORTS[0], 5, stamps=it["offered"])
    w.counters("client1", 0, TcpExt_TWRecycled=2)
    if it["recycled"] is not None:
        w.counters("client1", 5, TcpExt_TWRecycled=2 + it["recycled"])
    return w.evidence()


def connection(w: Written, client: str, t: float, port: int, isn: int, stamps: bool) -> None:
    """A handshake, and the client closing first: its last segment has the number after SYN and FIN."""
    options = {"timestamps": (1, 0)} if stamps else {}
    here, there = {"sport": port, "dport": PORT}, {"sport": PORT, "dport": port}
    w.segment(client, "server", t, "S", seq=isn, options=options, **here)
    w.segment("server", client, t + 0.0001, "SA", seq=500, ack=isn + 1, options=options, **there)
    w.segment(client, "server", t + 0.0002, "A", seq=isn + 1, ack=501, **here)
    w.segment(client, "server", t + 0.1, "FA", seq=isn + 1, ack=501, **here)
    w.segment("server", client, t + 0.1001, "FA", seq=501, ack=isn + 2, **there)
    w.segment(client, "server", t + 0.1002, "A", seq=isn + 2, ack=502, **here)


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


RIGHT: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLAIMS),
    (REUSED, OLD | {"again": 2.1}),  # in the next second of the clock
]


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_it_holds_for_a_right_record(name: str, right: dict[str, Any]) -> None:
    assert outcome(name, run(**right)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (REUSED, {"again": 2.1}),  # too early for a kernel that counts milliseconds
    (REUSED, {"refused": 2.39}),  # refused though the second had passed
    (REUSED, OLD | {"again": 1.9}),
    (REUSED, OLD | {"refused": 2.01}),
    (REUSED, {"second": NONE_LEFT}),
    (REUSED, {"first": [*GOOD, "EADDRINUSE"]}),
    (REUSED, {"recycled": 0}),
    (NUMBERS, {"gap": 1}),
    (NUMBERS, {"gap": GAP + 1}),
    (WITHOUT, {"without": [*GOOD, NONE_LEFT, None]}),
    (WITHOUT, {"offered": True}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (REUSED, {"waits": False}),
    (REUSED, {"recycled": None}),
    (NUMBERS, {"gap": None}),
    (NUMBERS, {"port": 41000}),
    (WITHOUT, {"without": []}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written(("server", "client1", "client2")).evidence()) is UNKNOWN
