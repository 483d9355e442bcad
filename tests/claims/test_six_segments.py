"""The claims of six_segments on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.six_segments import ALIKE, AS_DRAWN, HERE, MSS, THERE
from tests.claims.talking import Talk
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("six_segments").claims}
WHOLE, SIX, NUMBERS, KEPT = CLAIMS


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: bytes, numbers, or None for what is missing."""
    it: dict[str, Any] = {
        "mtu": 1500, "drawn": (2920, THERE), "alike": (HERE, THERE), "lengths": (MSS,) * 6, "first": 1,
        "acks": (1 + MSS, 1 + 2 * MSS, 1 + 6 * MSS), "seventh": True, "kept": {AS_DRAWN: THERE, ALIKE: 2 * THERE},
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="six_segments", mtu=it["mtu"])
    for port, t in (AS_DRAWN, 1.0), (ALIKE, 3.0):
        windows = it["drawn"] if port == AS_DRAWN else it["alike"]
        if windows:
            talk = Talk(w, port, t, windows, own_port=port - 1000)
            flight(talk, t + 0.1, it)
        if it["kept"].get(port):
            found = [sock("ESTABLISHED", port, port - 1000, rqueue=it["kept"][port])]
            w.sample("server", t + 1, found)
            mine = [sock("ESTABLISHED", port - 1000, port, "10.0.0.3", "10.0.0.2")]
            w.sample("client", t + 1, mine)
    return w.evidence()


def flight(talk: Talk, t: float, it: dict[str, Any]) -> None:
    """Segments one behind the other, then their acknowledgments; the seventh when the first of them has come."""
    number = it["first"]
    for length in it["lengths"]:
        talk.data(t, number, length, delivered=t + 0.025)
        number += length
    for place, ack in enumerate(it["acks"]):
        talk.ack(t + 0.03 + place / 1000, ack, THERE)
    if it["seventh"]:
        talk.data(t + 0.1, number, MSS)
        talk.ack(t + 0.2, it["acks"][-1] + MSS, 0)


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


RIGHT: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLAIMS),
    (WHOLE, {"mtu": 1040, "drawn": (4000, THERE)}),
    (SIX, {"seventh": False}),
    (NUMBERS, {"acks": (1, 1 + 6 * MSS)}),  # acknowledgments may be late
]


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_it_holds_for_a_right_record(name: str, right: dict[str, Any]) -> None:
    assert outcome(name, run(**right)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (WHOLE, {"drawn": (HERE, THERE)}),  # as the textbook has it
    (WHOLE, {"drawn": (2920, THERE - 1)}),
    (WHOLE, {"alike": (HERE - 1, THERE)}),
    (SIX, {"lengths": (MSS,) * 5}),
    (SIX, {"lengths": (MSS,) * 7}),
    (SIX, {"lengths": (1460,) * 4}),
    (SIX, {"lengths": (*(MSS,) * 5, MSS - 1)}),
    (NUMBERS, {"first": 2}),
    (NUMBERS, {"acks": (1 + MSS, 2 + 6 * MSS)}),  # ahead of what has come
    (NUMBERS, {"acks": (1 + MSS, 6 * MSS)}),  # behind, and for ever
    (KEPT, {"kept": {AS_DRAWN: THERE - 1, ALIKE: THERE}}),
    (KEPT, {"kept": {AS_DRAWN: THERE, ALIKE: 2 * THERE + 1}}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (WHOLE, {"alike": None}),
    (SIX, {"drawn": None}),
    (SIX, {"lengths": (), "seventh": False}),
    (NUMBERS, {"drawn": None}),
    (NUMBERS, {"lengths": (), "acks": (), "seventh": False}),
    (KEPT, {"kept": {}}),
    (KEPT, {"kept": {AS_DRAWN: THERE}}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
