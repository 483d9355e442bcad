"""The claims of modern_recovery on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN
from badwire.old.evidence import Evidence
from scenarios.modern_recovery import HOLES, ONE, TAIL, TRIP
from tests.claims.flows import Transfer, claims_of, counted, outcome
from tests.claims.written import Written

CLAIMS = claims_of("modern_recovery")
HOSTS = ("server", "client1", "client2")
QUARTER = "one_report_is_enough_after_a_quarter_of_the_shortest_round_trip"
PROBE = "when_nothing_is_reported_the_last_segment_probes_after_two_round_trips"
GAPS = "three_gaps_are_filled_within_one_round_trip_and_not_one_in_each"
TIMEOUTS = "by_the_book_two_of_them_take_a_timeout_and_now_none_does"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; seconds from when the sender could know, or None."""
    it: dict[str, Any] = {
        "lost": True, "told": True, "one": 0.018, "probe": 0.21, "probes": 10, "looked": True,
        "book": (0.0, TRIP, 2 * TRIP), "modern": (0.0, 1e-4, 2e-4), "client1": 2, "client2": 0,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(hosts=HOSTS, scenario="modern_recovery")
    told = {"rtt": round(1e6 * TRIP), "min_rtt": round(5e5 * TRIP), "rto": 310_000}

    one = Transfer(w, 1, ONE, "client2", way=TRIP / 2)
    one.data(1, range(1, 11), lost=[9] if it["lost"] else [])
    one.ack(1 + TRIP / 2, 9)
    one.ack(1 + TRIP / 2 + 1e-5, 9, sack=(10, 11) if it["told"] else None)
    if it["looked"]:
        one.look(1 + TRIP + 0.001, 8, **told)
    if it["one"] is not None:
        one.data(1 + TRIP + 1e-5 + it["one"], [9])

    tail = Transfer(w, 3, TAIL, "client2", way=TRIP / 2)
    tail.data(3, range(1, 11), lost=[9, 10] if it["lost"] else [])
    tail.ack(3 + TRIP / 2, 9)
    if it["looked"]:
        tail.look(3 + TRIP + 0.001, 8, **told)
    if it["probe"] is not None:
        tail.data(3 + TRIP + it["probe"], [it["probes"]])

    for t, client, gaps in (5, "client1", it["book"]), (7, "client2", it["modern"]):
        holes = Transfer(w, t, HOLES, client, way=TRIP / 2)
        holes.data(t, range(1, 11), lost=[1, 4, 7] if it["lost"] else [])
        for number, after in zip((1, 4, 7), gaps, strict=False):
            holes.data(t + TRIP + after, [number])
        holes.look(t + 1, **told)
    counted(w, "TcpExt_TCPTimeouts", {client: it[client] for client in HOSTS[1:]})
    return w.evidence()


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(CLAIMS[name], run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (QUARTER, {"one": 0.001}),  # at once
    (QUARTER, {"one": 0.101}),  # only the probe
    (QUARTER, {"one": 0.31}),  # only the timer
    (PROBE, {"probe": 0.19}),
    (PROBE, {"probe": 0.311}),  # the timer
    (PROBE, {"probes": 9}),  # as a timeout does, the first
    (GAPS, {"book": (0.0, 1e-4, 2e-4)}),
    (GAPS, {"book": (0.0, TRIP, TRIP + 0.01)}),
    (GAPS, {"modern": (0.0, TRIP, 2 * TRIP)}),
    (TIMEOUTS, {"client1": 0}),
    (TIMEOUTS, {"client2": 1}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        *((name, {"lost": False}) for name in (QUARTER, PROBE, GAPS)),
        (QUARTER, {"told": False}),
        (QUARTER, {"one": None}),
        (QUARTER, {"looked": False}),
        (PROBE, {"probe": None}),
        (PROBE, {"looked": False}),
        (GAPS, {"book": (0.0, TRIP)}),
        (GAPS, {"modern": ()}),
        (TIMEOUTS, {"client1": None}),
    ],
)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(CLAIMS[name], Written(hosts=HOSTS).evidence()) is UNKNOWN
