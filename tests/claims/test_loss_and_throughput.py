"""The claims of loss_and_throughput on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.linux.congestion import sawtooth
from badwire.old.claims import FAILS, HOLDS, UNKNOWN
from badwire.old.evidence import Evidence
from scenarios.loss_and_throughput import BY_LOSS, BY_TIME, CASES
from tests.claims.flows import Transfer, claims_of, outcome
from tests.claims.written import Written

CLAIMS = claims_of("loss_and_throughput")
TEETH = "a_tooth_takes_half_its_height_in_round_trips_and_one_or_two_for_the_repair"
BY_ROOT = "the_rate_falls_with_the_square_root_of_the_loss_rate"
BY_TRIP = "the_rate_falls_with_the_round_trip_time"


def run(
    teeth: dict[int, float] | None = None, seconds: dict[int, float] | None = None, losses: int = 3, looked: bool = True
) -> Evidence:
    """A run as it should be, but for what is given by port: the round trips that a tooth takes, or its seconds."""
    w = Written(scenario="loss_and_throughput")
    for number, (port, (every, delay, _)) in enumerate(CASES.items()):
        tooth = (teeth or {}).get(port, sawtooth(every) + 1)
        lasts = (seconds or {}).get(port, 2 * delay * tooth)
        t = 1.0 + 20 * number
        transfer = Transfer(w, t, port, way=delay)
        for place in range(losses):
            rounds = round(tooth)
            first, apart = 1 + place * every, lasts / rounds
            for n in range(rounds):
                numbers = range(first + n * every // rounds, first + (n + 1) * every // rounds)
                transfer.data(t + place * lasts + n * apart, numbers, lost=numbers[:1] if n == 0 else ())
                transfer.ack(t + place * lasts + (n + 0.99) * apart - delay, numbers[0] + 1)
        transfer.look(t + 1, unacked=5 if looked else 0, rtt=round(2e6 * delay))
    return w.evidence()


RIGHT: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLAIMS),
    *((name, {"teeth": {port: sawtooth(case[0]) + 1.9 for port, case in CASES.items()}}) for name in CLAIMS),
    *((name, {"teeth": {port: sawtooth(case[0]) + 0.1 for port, case in CASES.items()}}) for name in CLAIMS),
]


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_it_holds_for_a_right_record(name: str, right: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**right)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (TEETH, {"teeth": {7001: 3.0}}),
    (TEETH, {"teeth": {7003: 20.0}}),  # timeouts, one of ten round trips among them
    (BY_ROOT, {"teeth": dict.fromkeys(BY_LOSS, 8.0)}),  # the rate falls as the loss rate grows
    (BY_ROOT, {"teeth": {port: CASES[port][0] / 24 for port in BY_LOSS}}),  # it does not depend on it
    (BY_TRIP, {"seconds": dict.fromkeys(BY_TIME, 0.25)}),  # it does not depend on the round trip
    (BY_TRIP, {"teeth": {7001: 5.0, 7004: 10.0, 7005: 20.0}}),  # with its square
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    *((name, {"losses": 1}) for name in CLAIMS),
    *((name, {"looked": False}) for name in (BY_ROOT, BY_TRIP)),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(CLAIMS[name], Written().evidence()) is UNKNOWN
