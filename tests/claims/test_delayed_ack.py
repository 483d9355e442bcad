"""The claims of delayed_ack on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.delayed_ack import HEAD, MORE, NO_DELAY, QUICK, REST, ROUNDS, STALLS
from tests.claims.talking import Talk
from tests.claims.written import ON_THE_WIRE, Written

CLAIMS = {each.name: each for each in load("delayed_ack").claims}
NEW, DELAYS, REST_WAITS, NO_WAIT, AS_ONE, QUICKLY = CLAIMS
BOTH = len(HEAD + REST)
AT_ONCE = 0.0001
Round = tuple[float, float]  # seconds from the head's arrival to its acknowledgment, and to the sending of the rest
STALLED: Round = (0.042, 0.043)


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: the rounds of each connection, None for no connection."""
    it: dict[str, Any] = {
        "stalls": ((AT_ONCE, 0.001), *[STALLED] * (ROUNDS - 1)), "no_delay": ((0.002, AT_ONCE),) * ROUNDS,
        "more": (BOTH,) * ROUNDS, "quick": ((AT_ONCE, 0.001),) * ROUNDS,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="delayed_ack")
    ports = {"stalls": STALLS, "no_delay": NO_DELAY, "more": MORE, "quick": QUICK}
    for start, (name, rounds) in enumerate(it.items(), 1):
        if rounds is None:
            continue
        talk, number = Talk(w, ports[name], 10 * start), 1
        for place, how in enumerate(rounds):
            t = 10 * start + 1 + place
            if name == "more":
                talk.data(t, number, how)
                talk.ack(t + 0.1, number + how)
                number += how
            else:
                head_and_rest(talk, t, number, *how)
                number += BOTH
    return w.evidence()


def head_and_rest(talk: Talk, t: float, number: int, acknowledged: float, rest: float) -> None:
    events = [
        (ON_THE_WIRE + acknowledged, lambda at: talk.ack(at, number + len(HEAD))),
        (ON_THE_WIRE + rest, lambda at: talk.data(at, number + len(HEAD), len(REST))),
    ]
    talk.data(t, number, len(HEAD))
    for after, happens in sorted(events, key=lambda event: event[0]):
        happens(t + after)
    talk.ack(t + 0.5, number + BOTH)


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


RIGHT: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLAIMS),
    (DELAYS, {"stalls": ((AT_ONCE, 0.001), (AT_ONCE, 0.001), STALLED)}),  # the server answered late once
    (DELAYS, {"stalls": ((AT_ONCE, 0.001), (0.199, 0.2), STALLED)}),
    (NO_WAIT, {"no_delay": ((AT_ONCE, 0.002), (0.04, 0.05), (0.04, AT_ONCE))}),  # the client was slow twice
]


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_it_holds_for_a_right_record(name: str, right: dict[str, Any]) -> None:
    assert outcome(name, run(**right)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (NEW, {"stalls": (STALLED,) * ROUNDS}),
    (DELAYS, {"stalls": ((AT_ONCE, 0.001),) * ROUNDS}),
    (DELAYS, {"stalls": ((AT_ONCE, 0.001), (0.039, 0.041), (0.039, 0.041))}),
    (DELAYS, {"stalls": ((AT_ONCE, 0.001), (0.21, 0.22), (0.21, 0.22))}),
    (REST_WAITS, {"stalls": ((AT_ONCE, 0.001), STALLED, (0.042, 0.041))}),
    (NO_WAIT, {"no_delay": (STALLED,) * ROUNDS}),
    (AS_ONE, {"more": (len(HEAD), len(REST)) * ROUNDS}),
    (QUICKLY, {"quick": ((AT_ONCE, 0.001), (AT_ONCE, 0.001), STALLED)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (name, {connection: missing})
    for name, connection in zip(CLAIMS, ("stalls", "stalls", "stalls", "no_delay", "more", "quick"), strict=True)
    for missing in (None, ())
] + [(DELAYS, {"stalls": ((AT_ONCE, 0.001),)})]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
