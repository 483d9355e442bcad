"""The claims of nagle on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.nagle import FULL, LONG, MORE, NO_DELAY, PIECE, PLAIN, WRITES
from tests.claims.talking import Talk
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("nagle").claims}
ONE, TOGETHER, EACH, AS_ONE, BEHIND_FULL = CLAIMS
TEN = len(PIECE)


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: the lengths of each flight's segments, None for no connection."""
    it: dict[str, Any] = {
        "plain": ((TEN,), (9 * TEN,)), "no_delay": ((TEN,) * WRITES,), "more": ((WRITES * TEN,),),
        "long": ((FULL, TEN),),
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="nagle")
    ports = {"plain": PLAIN, "no_delay": NO_DELAY, "more": MORE, "long": LONG}
    for start, (name, flights) in enumerate(it.items(), 1):
        if flights is not None:
            talk = Talk(w, ports[name], start)
            number = 1
            for place, flight in enumerate(flights):
                t = start + 0.1 + place / 10
                for length in flight:
                    talk.data(t, number, length)
                    number += length
                talk.ack(t + 0.05, number)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


RIGHT: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLAIMS),
    (ONE, {"plain": ((TEN,), (4 * TEN,), (5 * TEN,))}),  # the machine was busy
    (TOGETHER, {"plain": ((TEN,), (4 * TEN,), (5 * TEN,))}),
    (EACH, {"no_delay": ((TEN,) * 8, (TEN,) * 2)}),
]


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_it_holds_for_a_right_record(name: str, right: dict[str, Any]) -> None:
    assert outcome(name, run(**right)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (ONE, {"plain": ((TEN, TEN), (8 * TEN,))}),
    (ONE, {"plain": ((TEN,), (8 * TEN, TEN))}),
    (TOGETHER, {"plain": ((TEN,), (TEN,), (8 * TEN,))}),
    (TOGETHER, {"plain": ((2 * TEN,), (8 * TEN,))}),
    (EACH, {"no_delay": ((TEN,), (9 * TEN,))}),
    (EACH, {"no_delay": ((TEN,),) * WRITES}),  # each waited for the one before
    (AS_ONE, {"more": ((TEN,), (9 * TEN,))}),
    (BEHIND_FULL, {"long": ((FULL,), (TEN,))}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (name, {connection: missing})
    for name, connection in zip(CLAIMS, ("plain", "plain", "no_delay", "more", "long"), strict=True)
    for missing in (None, ())
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
