"""The claims of loss_and_throughput on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Mapping

import pytest

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from badwire.linux.congestion import sawtooth
from scenarios.loss_and_throughput import BY_LOSS, BY_TIME, CASES
from tests.claims.cases import Named, claims, verdict_of, verdicts
from tests.claims.flows import Transfer
from tests.claims.written import Written

NONE: Mapping[int, float] = {}


def run(
    round_trips: Mapping[int, float] = NONE,
    seconds: Mapping[int, float] = NONE,
    losses: int = 3,
    sampled: bool = True,
) -> Evidence:
    """A correct history, but for what is given by port: how many round trips a tooth takes, and how many seconds."""
    w = Written(scenario="loss_and_throughput")
    for number, (port, case) in enumerate(CASES.items()):
        tooth = round_trips.get(port, sawtooth(case.every) + 1)
        lasts = seconds.get(port, 2 * case.delay * tooth)
        t = 1.0 + 20 * number
        transfer = Transfer(w, t, port, way=case.delay)
        for place in range(losses):
            send_tooth(transfer, t + place * lasts, 1 + place * case.every, case.every, round(tooth), lasts)
        transfer.sample(t + 1, unacked=5 if sampled else 0, rtt=round(2e6 * case.delay))
    return w.evidence()


def send_tooth(transfer: Transfer, t: float, first: int, segments: int, flights: int, lasts: float) -> None:
    """The segments from ``first`` on, of which that one is lost, in flights of the same size, one after another."""
    apart = lasts / flights
    for n in range(flights):
        numbers = range(first + n * segments // flights, first + (n + 1) * segments // flights)
        transfer.data(t + n * apart, numbers, lost=numbers[:1] if n == 0 else ())
        transfer.ack(t + (n + 0.99) * apart - transfer.way, numbers[0] + 1)


def repaired_in(round_trips: float) -> dict[int, float]:
    """How many round trips each tooth takes when its repair takes so many."""
    return {port: sawtooth(case.every) + round_trips for port, case in CASES.items()}


def in_proportion(ports: tuple[int, ...]) -> dict[int, float]:
    """Teeth whose length grows with their segments, so that the rate does not depend on the loss rate."""
    return {port: CASES[port].every / 24 for port in ports}


WRONG: Named = [
    ("length_of_a_tooth", {"round_trips": {7001: 3.0}}),
    ("length_of_a_tooth", {"round_trips": {7003: 20.0}}),  # with timeouts, one of them of ten round trips
    ("by_loss_rate", {"round_trips": dict.fromkeys(BY_LOSS, 8.0)}),  # the rate falls in proportion to the loss rate
    ("by_loss_rate", {"round_trips": in_proportion(BY_LOSS)}),
    ("by_round_trip", {"seconds": dict.fromkeys(BY_TIME, 0.25)}),  # it does not depend on the round trip
    ("by_round_trip", {"round_trips": {7001: 5.0, 7004: 10.0, 7005: 20.0}}),  # with its square
]
MISSING: Named = [
    ("length_of_a_tooth", {"losses": 1}),
    ("by_loss_rate", {"losses": 1}),
    ("by_round_trip", {"losses": 1}),
    ("by_loss_rate", {"sampled": False}),
    ("by_round_trip", {"sampled": False}),
]
test_verdicts = verdicts("loss_and_throughput", run, wrong=WRONG, missing=MISSING)


@pytest.mark.parametrize("round_trips", [0.1, 1.9])
@pytest.mark.parametrize("name", claims("loss_and_throughput"))
def test_a_repair_may_take_up_to_two_round_trips(name: str, round_trips: float) -> None:
    assert verdict_of(claims("loss_and_throughput")[name], run(round_trips=repaired_in(round_trips))) is HOLDS
