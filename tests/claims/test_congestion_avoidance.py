"""The claims of congestion_avoidance on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.linux.congestion import INFINITE, window_after
from badwire.old.claims import FAILS, HOLDS, UNKNOWN
from badwire.old.evidence import Evidence
from scenarios.congestion_avoidance import FLIGHTS, INITIAL, PORT, SSTHRESH
from tests.claims.flows import Transfer, claims_of, outcome
from tests.claims.written import Written

CLAIMS = claims_of("congestion_avoidance")
TIMEOUT = "after_the_timeout_ssthresh_is_half_the_window_and_the_window_one"
GROWS = "flights_double_up_to_ssthresh_and_grow_by_one_from_there"
KERNEL = "the_kernel_widens_its_window_by_one_for_each_window_that_is_acknowledged"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; ``windows`` by how many segments were acknowledged."""
    it: dict[str, Any] = {
        "flights": FLIGHTS[1:], "again": True, "before": (INITIAL, INFINITE), "after": (1, SSTHRESH),
        "windows": {n: window_after(n, 1, SSTHRESH) for n in (1, 7, 15, 20, 31, 48)},
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="congestion_avoidance")
    transfer = Transfer(w, 1, PORT)
    everything = range(1, INITIAL + 1)
    transfer.data(1, everything, lost=everything)
    if it["before"]:
        transfer.look(1.01, 0, snd_cwnd=it["before"][0], snd_ssthresh=it["before"][1], notsent_bytes=1)
    if it["again"]:
        transfer.flights(1.3, it["flights"])
    if it["after"]:
        transfer.look(
            1.31, 0, total_retrans=1, ca_state=4, snd_cwnd=it["after"][0], snd_ssthresh=it["after"][1], notsent_bytes=1
        )
    for number, (acked, window) in enumerate(it["windows"].items()):
        transfer.look(
            1.4 + number / 10, acked, total_retrans=32, snd_cwnd=window, snd_ssthresh=SSTHRESH, notsent_bytes=1
        )
    transfer.gone(9)
    return w.evidence()


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(CLAIMS[name], run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (TIMEOUT, {"after": (16, 16)}),  # as after three repetitions
    (TIMEOUT, {"after": (1, 32)}),
    (TIMEOUT, {"after": (1, 22)}),  # seven tenths
    (TIMEOUT, {"before": (32, 20)}),  # there was an ssthresh before
    (GROWS, {"flights": (1, 2, 4, 8, 16, 32, 42)}),  # doubles on
    (GROWS, {"flights": (1, 2, 4, 8, 16, 16, 17, 17, 18, 6)}),  # one in two round trips
    (GROWS, {"flights": (16, 17, 18, 19, 20)}),
    (KERNEL, {"windows": {7: 8, 15: 16, 31: 32}}),
    (KERNEL, {"windows": {7: 8, 15: 16, 31: 16, 48: 17}}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        (TIMEOUT, {"again": False}),
        (TIMEOUT, {"before": None}),
        (TIMEOUT, {"after": None}),
        (KERNEL, {"windows": {}}),
        (KERNEL, {"windows": {1: 2, 7: 8}}),  # never looked at beyond ssthresh
    ],
)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(CLAIMS[name], Written().evidence()) is UNKNOWN
