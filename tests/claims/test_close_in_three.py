"""The claims of close_in_three on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.close_in_three import CORKED, ECHO, END
from tests.claims.ladders import OPENING, talk
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("close_in_three").claims}
ONE, RIDES = CLAIMS
TOLD = ("client PA 1 ack 1: that was all", "server PA 1 ack 13: that was all")
THREE = ("client FA 13 ack 13", "server FA 13 ack 14", "client A 14 ack 14")
FOUR = (THREE[0], "server A 13 ack 14", *THREE[1:])
SLOW = 0.041  # s; the server's FIN comes so late
RIDING = ("client FPA 1 ack 1: that was all", "server A 1 ack 14")


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: how each client of the echo server was closed, and how soon."""
    it: dict[str, Any] = {"closings": ((THREE, 0.001),) * 5, "riding": RIDING}
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="close_in_three")
    for number, (rungs, wait) in enumerate(it["closings"]):
        t = talk(w, ECHO, 1 + number, *OPENING, *TOLD, rungs[0], own=50000 + number)
        talk(w, ECHO, t + wait, *rungs[1:], own=50000 + number)
    talk(w, CORKED, 10, *OPENING, *it["riding"])
    return w.evidence()


def test_the_fin_has_the_number_behind_the_data() -> None:
    assert THREE[0] == f"client FA {END} ack {END}"


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


RIGHT: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLAIMS),
    (ONE, {"closings": ((THREE, 0.001),) + ((FOUR, SLOW),) * 4}),
    (ONE, {"closings": ((THREE, 0.03),) * 5}),
]


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_it_holds_for_a_right_record(name: str, right: dict[str, Any]) -> None:
    assert outcome(name, run(**right)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (ONE, {"closings": ((FOUR, 0.001),) * 5}),
    (ONE, {"closings": ((THREE, 0.001),) * 4 + ((FOUR, 0.03),)}),
    (ONE, {"closings": (((*THREE[:2], "client A 14 ack 13"), 0.001),) * 5}),
    (RIDES, {"riding": ("client PA 1 ack 1: that was all", "client FA 13 ack 1", "server A 1 ack 14")}),
    (RIDES, {"riding": (RIDING[0], "server A 1 ack 13")}),
    (RIDES, {"riding": ("client FPA 1 ack 1: that was al", "server A 1 ack 14")}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (ONE, {"closings": ((FOUR, SLOW),) * 5}),
    (ONE, {"closings": ((THREE, 0.001),) * 4}),
    (ONE, {"closings": ((THREE[:1], 0),) * 5}),
    (RIDES, {"riding": ("client PA 1 ack 1: that was all",)}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
