"""The claims of the handshake on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.handshake import CLOSED, OPEN
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("handshake").claims}
THREE, AGREED, RETURNS, COMPLETES, REFUSED = CLAIMS
PORT, OTHER = 40001, 40002  # the client's
OFFERED = {"sack_permitted": True, "timestamps": (1, 0), "window_scale": 7}
ALL = 7  # the bits of timestamps, SACK and window scaling


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: numbers, times in seconds, or None for what is missing."""
    it: dict[str, Any] = {
        "answer_ack": 101, "third_seq": 101, "third_arrives": 0.45, "fin_ack": 107, "fin": True, "mss": 1460,
        "offers": OFFERED, "bits": ALL, "took": 0.1004, "states": ("SYN_RECV", "ESTABLISHED"), "accepted": False,
        "closed_says": "RA", "closed_ack": 901, "again": False, "errno": "ECONNREFUSED", "refused_took": 0.1004,
        "rst_lost": False, "answered": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="handshake")
    there, back = {"sport": OTHER, "dport": CLOSED}, {"sport": CLOSED, "dport": OTHER}
    for at in (0.1, 0.11) if it["again"] else (0.1,):
        w.segment("client", "server", at, "S", seq=900, **there, delivered=at + 0.05)
    rst = {"ack": it["closed_ack"], "delivered": 0.2001, "lost": it["rst_lost"]}
    w.segment("server", "client", 0.1501, it["closed_says"], **back, **rst)
    w.call("client", 0.0999, "connect", ["10.0.0.2", CLOSED], took=it["refused_took"], errno=it["errno"])
    there, back = {"sport": PORT, "dport": OPEN}, {"sport": OPEN, "dport": PORT}
    w.call("client", 0.2999, "connect", ["10.0.0.2", OPEN], took=it["took"], socket=2)
    w.segment("client", "server", 0.3, "S", seq=100, **there, options={"mss": 1460, **OFFERED}, delivered=0.35)
    if it["answered"]:
        offers = {"mss": it["mss"], **it["offers"]}
        w.segment(
            "server", "client", 0.3501, "SA", seq=500, ack=it["answer_ack"], **back, options=offers, delivered=0.4001
        )
        third = {"delivered": it["third_arrives"], "lost": it["third_arrives"] is None}
        w.segment("client", "server", 0.4002, "A", seq=it["third_seq"], ack=501, **there, **third)
    w.segment("client", "server", 0.6, "PA", seq=101, ack=501, data=b"hello", **there)
    if it["fin"]:
        w.segment("client", "server", 0.62, "FA", seq=106, ack=501, **there)
    w.segment("server", "client", 0.621, "A", seq=501, ack=it["fin_ack"], **back)
    info = {"info": {"options": it["bits"]}}
    inode = 77 if it["accepted"] else 0
    for number, state in enumerate(it["states"]):
        w.sample("server", 0.36 + 0.1 * number, [sock(state, OPEN, PORT, inode=inode, **info)])
    w.sample("client", 0.41, [sock("ESTABLISHED", PORT, OPEN, "10.0.0.3", "10.0.0.2", inode=66, **info)])
    w.sample("server", 0.63, [sock("CLOSE_WAIT", OPEN, PORT, inode=inode, **info)])
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (THREE, {"answer_ack": 100}),
    (THREE, {"third_seq": 100}),
    (THREE, {"fin_ack": 106}),
    (AGREED, {"mss": 536}),
    (AGREED, {"offers": {"sack_permitted": True}}),
    (AGREED, {"bits": 5}),
    (RETURNS, {"took": 0.09}),
    (RETURNS, {"took": 0.2}),
    (COMPLETES, {"accepted": True}),
    (COMPLETES, {"states": ("ESTABLISHED",)}),
    (REFUSED, {"closed_says": "SA"}),
    (REFUSED, {"closed_ack": 900}),
    (REFUSED, {"again": True}),
    (REFUSED, {"errno": "ETIMEDOUT"}),
    (REFUSED, {"refused_took": 0.05}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (THREE, {"answered": False}),
    (THREE, {"fin": False, "fin_ack": 106}),
    (AGREED, {"states": ("SYN_RECV",)}),
    (RETURNS, {"third_arrives": None}),
    (COMPLETES, {"states": ("SYN_RECV",)}),
    (REFUSED, {"rst_lost": True}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
