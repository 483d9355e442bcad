"""The claims of simultaneous_open on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.simultaneous_open import CLIENT, SERVER
from tests.claims.ladders import Table, talk
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("simultaneous_open").claims}
SEGMENTS, STATES, ONE, SUCCEED = CLAIMS
CROSSED = ("client S 0", "server S 0", "client SA 0 ack 1", "server SA 0 ack 1", "client A 1 ack 1", "server A 1 ack 1")
ANSWERED = ("client S 0", "server SA 0 ack 1", "client A 1 ack 1")
PASSED = ("SYN_SENT", "SYN_RECV", "ESTABLISHED")


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is what is missing."""
    it: dict[str, Any] = {
        "rungs": CROSSED, "client": PASSED, "server": PASSED, "listener": False, "another": False, "errno": None,
        "read": b"hello", "called": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="simultaneous_open")
    talk(w, SERVER, 0.1, *it["rungs"], own=CLIENT)
    if it["another"]:
        talk(w, SERVER, 0.5, *ANSWERED, own=40009)
    client, server = Table(w, "client"), Table(w, "server")
    if it["listener"]:
        server.show(0.05, "LISTEN", SERVER)
    client.passes(0.1, CLIENT, SERVER, *it["client"])
    server.passes(0.1, SERVER, CLIENT, *it["server"])
    if it["called"]:
        w.call("client", 0.1, "connect", ["10.0.0.2", SERVER], errno=it["errno"])
        w.call("server", 0.1, "connect", ["10.0.0.3", CLIENT])
        w.call("client", 0.3, "recv", 65536, value=it["read"])
        w.call("server", 0.3, "recv", 65536, value=b"hello yourself")
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


def test_a_syn_that_was_held_for_a_second_is_sent_again() -> None:
    assert outcome(SEGMENTS, run(rungs=("client S 0", "client S 0", *CROSSED[1:]))) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (SEGMENTS, {"rungs": ANSWERED}),
    (SEGMENTS, {"rungs": ("client S 0", "server S 0", "client A 1 ack 1", "server A 1 ack 1")}),
    (SEGMENTS, {"rungs": (*CROSSED[:3], "server SA 0 ack 2")}),
    (STATES, {"client": ("SYN_SENT", "ESTABLISHED")}),
    (STATES, {"server": ("SYN_RECV", "ESTABLISHED")}),
    (ONE, {"listener": True}),
    (ONE, {"another": True}),
    (SUCCEED, {"errno": "ECONNREFUSED"}),
    (SUCCEED, {"read": b""}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (SEGMENTS, {"rungs": ()}),
    (STATES, {"rungs": ()}),
    (STATES, {"client": ()}),
    (ONE, {"rungs": ()}),
    (SUCCEED, {"called": False}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
