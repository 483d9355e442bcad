"""The claims of bridge on evidence written by hand."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.bridge import PORT
from tests.claims import forged
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("bridge").claims}
ASKED = "all_are_asked_and_the_one_that_is_meant_answers_the_one_that_asked"
WAITS = "the_syn_waits_for_the_answer_and_connect_takes_a_round_trip_more"
NEXT = "the_next_connection_asks_nobody"
THIRD = "of_all_that_the_others_send_the_third_host_gets_the_question_and_nothing_else"
HOSTS = "server", "client1", "client2"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is for what is missing."""
    it = {
        "asks": True, "about": "server", "answers": ("server",), "syn": 0.3, "took": 0.4, "again": False, "next": True,
        "stray": False, "whole": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(HOSTS)
    ends = (w.mac("client1"), w.mac(it["about"]), w.hosts["client1"], w.hosts[it["about"]])
    for t in (0.1, *((1.05,) if it["again"] else ())) if it["asks"] else ():
        w.frame("client1", ("server", "client2"), t, forged.arp(ends), delivered=t + 0.05)
    for host in it["answers"]:
        answer = forged.arp((w.mac(host), w.mac("client1"), w.hosts[host], w.hosts["client1"]), answer=True)
        w.frame(host, "client1", 0.2, answer, delivered=0.25)
    for place, t in enumerate((it["syn"], *((1.1,) if it["next"] else ())) if it["syn"] else ()):
        client = {"sport": 40001 + place, "dport": PORT}
        server = {"sport": PORT, "dport": 40001 + place}
        w.segment("client1", "server", t, "S", **client)
        w.segment("server", "client1", t + 0.01, "SA", ack=1, **server)
        ack = w.segment("client1", "server", t + 0.02, "A", seq=1, ack=1, **client)
        if it["stray"]:
            w.frame("client1", "client2", t + 0.02, ack)
            del w.captured[-2:-1]
        if it["took"] is not None:
            w.call("client1", t - 0.2, "connect", ["10.0.0.2", PORT], took=it["took"] if not place else 0.2)
    w.dropped = 0 if it["whole"] else 1
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written(HOSTS).evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (ASKED, {"about": "client2"}),
    (ASKED, {"answers": ("server", "client2")}),
    (ASKED, {"answers": ()}),
    (WAITS, {"syn": 0.24}),
    (WAITS, {"took": 0.19}),
    (NEXT, {"again": True}),
    (NEXT, {"next": False}),
    (THIRD, {"stray": True}),
    (THIRD, {"again": True}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (ASKED, {"asks": False, "answers": ()}),
    (ASKED, {"syn": None}),
    (WAITS, {"answers": ()}),
    (WAITS, {"took": None}),
    (NEXT, {"asks": False}),
    (NEXT, {"syn": None}),
    (THIRD, {"asks": False}),
    (THIRD, {"whole": False}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
