"""The claims of slow_start on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN
from badwire.old.evidence import Evidence
from scenarios.slow_start import FLIGHTS, INITIAL, PORTS
from tests.claims.flows import Transfer, claims_of, outcome
from tests.claims.written import Written

CLAIMS = claims_of("slow_start")
BEGINS = "it_begins_with_ten_segments_or_with_as_many_as_the_route_says"
DOUBLES = "each_flight_is_twice_the_one_before"
APART = "flights_are_a_round_trip_apart"
KERNEL = "the_kernel_widens_its_window_by_one_for_each_segment_that_is_acknowledged"


def run(flights: dict[str, Any] | None = None, wider: int = 0, looked: bool = True, way: float = 0.05) -> Evidence:
    """A run as it should be, but for what is given; ``wider`` than right is the kernel's window."""
    w = Written(hosts=("server", "client1", "client2"), scenario="slow_start")
    for number, (host, port) in enumerate(PORTS.items()):
        transfer = Transfer(w, 1 + 5 * number, port, host, way)
        transfer.flights(1 + 5 * number, {**FLIGHTS, **(flights or {})}[host])
        for acked in (0, 1, 3) if looked else ():
            window = INITIAL[host] + acked + wider
            transfer.look(1.01 + 5 * number + acked, acked, snd_cwnd=window, notsent_bytes=1)
        transfer.look(4 + 5 * number, 70, snd_cwnd=60)  # nothing waits any more
    return w.evidence()


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(CLAIMS[name], run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (BEGINS, {"flights": {"client1": (1, 2, 4, 8, 16, 32, 7)}}),
    (BEGINS, {"flights": {"client2": (10, 20, 40)}}),
    (BEGINS, {"flights": {"client1": (3, 6, 12, 24, 25)}}),
    (DOUBLES, {"flights": {"client1": (10, 15, 22, 23)}}),  # half as much again: one ACK counted for two segments
    (DOUBLES, {"flights": {"client2": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15)}}),
    (DOUBLES, {"flights": {"client1": (70,)}}),
    (APART, {"way": 0.04}),
    (KERNEL, {"wider": 1}),
    (KERNEL, {"wider": -1}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        *((name, {"flights": {"client2": ()}}) for name in (BEGINS, DOUBLES)),
        (APART, {"flights": {"client1": (70,), "client2": (70,)}}),
        (KERNEL, {"looked": False}),
    ],
)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(CLAIMS[name], Written(hosts=("server", "client1", "client2")).evidence()) is UNKNOWN
