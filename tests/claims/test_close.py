"""The claims of close on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.close import PORT
from tests.claims.ladders import OPENING, OWN, Table, talk
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("close").claims}
FIN, FIRST, WAITS = CLAIMS
FOUR = ("client FA 1 ack 1", "server A 1 ack 2", "server FA 1 ack 2", "client A 2 ack 2")


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; the last ACK arrives at ``last``, and then the server is done."""
    it: dict[str, Any] = {
        "rungs": FOUR, "client": ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"), "server": ("CLOSE_WAIT", "LAST_ACK", None),
        "last": 1.0, "gone": 1.01,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="close")
    *rungs, last = (*OPENING, *it["rungs"])
    after = talk(w, PORT, 0.1, *rungs)
    talk(w, PORT, after, last, delivered=it["last"], lost=it["last"] is None)
    client, server = Table(w, "client"), Table(w, "server")
    client.passes(0.2, OWN, PORT, "SYN_SENT", "ESTABLISHED", *it["client"], every=0.1)
    *states, end = it["server"]
    server.passes(0.2, PORT, OWN, "ESTABLISHED", *states, every=0.1)
    server.show(it["gone"], end, PORT, OWN)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (FIN, {"rungs": (*FOUR[:3], "client A 2 ack 1")}),
    (FIN, {"rungs": (FOUR[0], "server FA 1 ack 2", FOUR[3])}),
    (FIN, {"rungs": ("client FA 2 ack 1", *FOUR[1:])}),
    (FIRST, {"client": ("FIN_WAIT_1", "CLOSING", "TIME_WAIT")}),
    (FIRST, {"server": ("CLOSE_WAIT", "LAST_ACK", "TIME_WAIT")}),
    (WAITS, {"gone": 0.95}),
    (WAITS, {"gone": 0.6}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (FIN, {"rungs": ("client A 1 ack 1",)}),
    (FIRST, {"rungs": ("client A 1 ack 1",)}),
    (WAITS, {"last": None}),
    (WAITS, {"server": ("CLOSE_WAIT", None)}),
    (WAITS, {"client": ("FIN_WAIT_1", "FIN_WAIT_2")}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
