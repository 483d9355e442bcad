"""From measurements to verdicts. Nothing to look at is never HOLDS."""

import math
from dataclasses import dataclass

import pytest

from badwire.old.claims import (
    FAILS,
    HOLDS,
    UNKNOWN,
    Outcome,
    Span,
    Verdict,
    all_of,
    at_least,
    at_most,
    each_within,
    equals,
    happened,
    never,
    unknown,
    within,
)


@dataclass
class Watched:
    capture_whole: bool


@pytest.mark.parametrize(
    "measured, outcome",
    [
        (60, HOLDS),
        (62, HOLDS),
        (59.9, FAILS),
        (62.1, FAILS),
        (None, UNKNOWN),
        (Span(60.5, 61), HOLDS),
        (Span(59.9, 60.1), HOLDS),  # across a bound, but finer than the bounds
        (Span(61.9, 63), HOLDS),
        (Span(58, 59.9), FAILS),
        (Span(62.1, math.inf), FAILS),
        (Span(61, math.inf), UNKNOWN),
        (Span(0, 61), UNKNOWN),
        (Span(59, 63), UNKNOWN),
    ],
)
def test_within_60_and_62(measured: float | Span | None, outcome: Outcome) -> None:
    assert within(measured, 60, 62, "s").outcome is outcome


def test_a_verdict_says_what_was_expected() -> None:
    verdict = within(Span(58, 59.9), 60, 62.048, "s")
    assert verdict.to_json() == {
        "verdict": "FAILS",
        "measured": [58, 59.9],
        "expected": "60 to 62.048",
        "unit": "s",
        "why": "",
    }
    assert within(Span(61, math.inf), 60, 62).to_json()["measured"] == [61, None]


def test_one_sided_bounds() -> None:
    assert at_least(Span(0.19, 0.21), 0.2).outcome is UNKNOWN
    assert at_least(Span(0.199, 0.2005), 0.2).outcome is HOLDS
    assert at_least(Span(0.2, math.inf), 0.2).outcome is HOLDS
    assert at_least(0.19, 0.2, "s").outcome is FAILS
    assert at_most(3, 2).outcome is FAILS and at_most(3, 2).expected == "at most 2"
    assert at_most(None, 2).outcome is UNKNOWN


def test_bounds_the_wrong_way_round_are_the_authors_mistake() -> None:
    with pytest.raises(ValueError, match="nothing lies between 2 and 1"):
        within(1, 2, 1)


def test_equals() -> None:
    assert equals("ECONNREFUSED", "ECONNREFUSED").outcome is HOLDS
    assert equals(("S", "SA"), ("S", "A")).outcome is FAILS
    assert equals(0, 0).outcome is HOLDS
    assert equals(None, 0).outcome is UNKNOWN


@pytest.mark.parametrize(
    "thing, outcome", [(None, UNKNOWN), ((), UNKNOWN), (False, FAILS), (True, HOLDS), (("x",), HOLDS), (0.5, HOLDS)]
)
def test_happened(thing: object, outcome: Outcome) -> None:
    assert happened(thing, "a FIN").outcome is outcome


def test_never_needs_a_whole_capture() -> None:
    assert never(None, "a retransmission", Watched(True)).outcome is HOLDS
    assert never(None, "a retransmission", Watched(False)).outcome is UNKNOWN
    assert never((1, 2), "a retransmission", Watched(False)) == Verdict(FAILS, 2, "never: a retransmission")


def test_all_of_them() -> None:
    good, bad, who_knows = equals(1, 1, "s"), equals(1, 2, "s"), unknown("dark")
    assert all_of(good, who_knows, bad) == bad
    assert all_of(good, who_knows) == who_knows
    assert all_of(good, good) == Verdict(HOLDS, (1, 1), "1, 1", "s")
    assert all_of(good) == good
    assert all_of().outcome is UNKNOWN


@pytest.mark.parametrize(
    "measured, outcome",
    [
        ((1.0, 2.1), HOLDS),
        ((1.0, Span(2.1, 2.15)), HOLDS),
        ((1.0, 2.3), FAILS),
        ((0.9, 2.1), FAILS),
        ((1.0,), FAILS),
        ((1.0, 2.1, 4.1), FAILS),
        ((1.0, Span(2.1, 9)), UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_each_within_its_own_bounds(measured: tuple[float | Span, ...] | None, outcome: Outcome) -> None:
    assert each_within(measured, ((1, 1.1), (2, 2.2)), "s").outcome is outcome


def test_as_many_as_there_are_bounds() -> None:
    verdict = each_within((1.0, 2.0, 3.0), ((1, 1.1), (2, 2.2)), "s")
    assert (verdict.measured, verdict.expected) == ((1.0, 2.0, 3.0), "2 of them: 1 to 1.1, 2 to 2.2")
    assert each_within((), ()).outcome is UNKNOWN
