"""The claims of fast_recovery on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN
from badwire.old.evidence import Evidence
from badwire.old.evidence.congestion import LOSS, OPEN, RECOVERY
from scenarios.fast_recovery import ALL, FLIGHT, ONE
from tests.claims.flows import Transfer, claims_of, outcome
from tests.claims.written import Written

CLAIMS = claims_of("fast_recovery")
HALVED = "after_three_repetitions_the_window_comes_down_to_half_and_no_further"
ONE_LEFT = "after_a_timeout_ssthresh_is_half_and_the_window_one"
FLIGHTS = "the_flights_that_follow_are_half_as_long_or_begin_with_one"
Look = tuple[int, int, int]  # state, window, ssthresh
RECOVERED: tuple[Look, ...] = ((RECOVERY, 18, 10), (RECOVERY, 10, 10), (OPEN, 10, 10), (OPEN, 11, 10))
TIMED_OUT: tuple[Look, ...] = ((LOSS, 1, 10), (LOSS, 2, 10), (OPEN, 8, 10))


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named."""
    it: dict[str, Any] = {
        "before": FLIGHT, "one": RECOVERED, "all": TIMED_OUT, "lost": True,
        "halves": (8, 10, 11, 6), "anew": (1, 2, 4, 8, 10, 11, 9),
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="fast_recovery")
    for number, (port, sizes, looks) in enumerate([(ONE, it["halves"], it["one"]), (ALL, it["anew"], it["all"])]):
        transfer = Transfer(w, 1 + 5 * number, port)
        t = transfer.flights(1 + 5 * number, [10])
        second = range(11, 11 + FLIGHT)
        transfer.data(t, second, lost=() if not it["lost"] else second if port == ALL else [11])
        transfer.look(t + 0.01, 10, snd_cwnd=it["before"])
        after = t + 0.3
        if sizes:
            transfer.flights(after, sizes, first=11)  # of the first segment the acknowledgment is all that counts
        for place, (state, window, ssthresh) in enumerate(looks):
            told = {"ca_state": state, "snd_cwnd": window, "snd_ssthresh": ssthresh, "total_retrans": 1 + place}
            transfer.look(after + 0.01 * (1 + place), 10, **told)
        transfer.gone(after + 1)
    return w.evidence()


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(CLAIMS[name], run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (HALVED, {"one": ((RECOVERY, 1, 10), *RECOVERED)}),
    (HALVED, {"one": (*RECOVERED, (OPEN, 9, 10))}),
    (HALVED, {"one": ((RECOVERY, 14, 14), (OPEN, 14, 14))}),  # seven tenths
    (HALVED, {"one": ((RECOVERY, 18, 10), (OPEN, 10, 10))}),  # recovery ended too early
    (HALVED, {"before": 10}),
    (ONE_LEFT, {"all": ((LOSS, 10, 10),)}),
    (ONE_LEFT, {"all": ((LOSS, 1, 20),)}),
    (ONE_LEFT, {"before": 19}),
    (FLIGHTS, {"halves": (1, 2, 4, 8, 10, 10)}),
    (FLIGHTS, {"halves": (7, 10, 11, 7)}),
    (FLIGHTS, {"anew": (10, 11, 12, 12)}),
    (FLIGHTS, {"anew": (1, 2, 4, 8, 16, 14)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        *((name, {"lost": False}) for name in (HALVED, ONE_LEFT)),
        (HALVED, {"one": ()}),
        (HALVED, {"halves": ()}),
        (ONE_LEFT, {"all": ((OPEN, 20, 10),)}),
        (ONE_LEFT, {"anew": ()}),
        (FLIGHTS, {"halves": ()}),
    ],
)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(CLAIMS[name], Written().evidence()) is UNKNOWN
