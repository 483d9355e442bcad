"""The claims of simultaneous_close on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.simultaneous_close import CROSSING, ONE_FOR_TWO
from tests.claims.ladders import OPENING, OWN, Table, talk
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("simultaneous_close").claims}
FINS, CLOSING, STRAIGHT = CLAIMS
CROSSED = ("client FA 1 ack 1", "server FA 1 ack 1", "client A 2 ack 2", "server A 2 ack 2")
IN_TURN = ("client FA 1 ack 1", "server FA 1 ack 2", "client A 2 ack 2")
PASSED = ("FIN_WAIT_1", "CLOSING", "TIME_WAIT")
OVERTAKEN = ("client FA 1 ack 1", "server A 1 ack 2 x", "server FA 1 ack 2", "client A 2 ack 2")


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named."""
    it: dict[str, Any] = {
        "crossed": CROSSED, "client": PASSED, "server": PASSED, "overtaken": OVERTAKEN,
        "straight": ("ESTABLISHED", "FIN_WAIT_1", "TIME_WAIT"),
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="simultaneous_close")
    talk(w, CROSSING, 0.1, *OPENING, *it["crossed"])
    talk(w, ONE_FOR_TWO, 2.1, *OPENING, *it["overtaken"])
    client, server = Table(w, "client"), Table(w, "server")
    client.passes(0.2, OWN, CROSSING, *it["client"])
    server.passes(0.2, CROSSING, OWN, *it["server"])
    client.passes(2.2, OWN, ONE_FOR_TWO, *it["straight"])
    server.passes(2.2, ONE_FOR_TWO, OWN, "CLOSE_WAIT", "LAST_ACK", None)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (FINS, {"crossed": IN_TURN}),
    (FINS, {"crossed": (*CROSSED[:3], "server A 2 ack 1")}),
    (CLOSING, {"server": ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")}),
    (CLOSING, {"client": ("FIN_WAIT_1", "CLOSING")}),
    (STRAIGHT, {"straight": ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")}),
    (STRAIGHT, {"overtaken": (OVERTAKEN[0], "server A 1 ack 2", *OVERTAKEN[2:])}),
    (STRAIGHT, {"overtaken": (*OVERTAKEN[:2], "server FA 1 ack 1", OVERTAKEN[3])}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (FINS, {"crossed": ()}),
    (CLOSING, {"server": ()}),
    (STRAIGHT, {"overtaken": ("client FA 1 ack 1 x",)}),
    (STRAIGHT, {"straight": ()}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
