"""The claims of without_fast_retransmit on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN
from badwire.old.evidence import Evidence
from scenarios.without_fast_retransmit import FAR, NEAR, WITH, WITHOUT
from tests.claims.flows import Transfer, claims_of, counted, outcome
from tests.claims.written import Written

CLAIMS = claims_of("without_fast_retransmit")
TIMERS = "with_it_no_timer_runs_out_and_without_it_one_for_each_loss"
CLOSE_BY = "to_a_near_host_it_more_than_doubles_the_throughput"
FAR_AWAY = "to_a_far_host_it_saves_two_round_trips_of_seven_at_most"
TOOK = {(NEAR, WITH): 0.02, (NEAR, WITHOUT): 0.226, (FAR, WITH): 2.0, (FAR, WITHOUT): 2.4}


def run(took: dict[tuple[int, str], float | None] | None = None, **timeouts: int | None) -> Evidence:
    """A run as it should be, but for what is given: seconds of a transfer, None where it did not end."""
    w = Written(hosts=("server", WITH, WITHOUT), scenario="without_fast_retransmit")
    for number, ((port, client), seconds) in enumerate({**TOOK, **(took or {})}.items()):
        t = 1.0 + 5 * number
        transfer = Transfer(w, t, port, client, way=0.001)
        transfer.data(t, range(1, 5), lost=[3])
        transfer.ack(t + 0.001, 4)
        transfer.look(t + 0.002)
        if seconds:
            transfer.data(t + seconds - 0.004, [3])
            transfer.ack(t + seconds - 0.001, 5)
    counted(w, "TcpExt_TCPTimeouts", {WITH: 0, WITHOUT: 2, **timeouts})
    return w.evidence()


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(CLAIMS[name], run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (TIMERS, {WITH: 1}),
    (TIMERS, {WITHOUT: 1}),
    (CLOSE_BY, {"took": {(NEAR, WITHOUT): 0.19}}),  # no timer is as short
    (CLOSE_BY, {"took": {(NEAR, WITH): 0.19}}),  # by 20 %
    (FAR_AWAY, {"took": {(FAR, WITHOUT): 4.0}}),
    (FAR_AWAY, {"took": {(FAR, WITHOUT): 1.9}}),
    (FAR_AWAY, {"took": {(FAR, WITHOUT): 2.81}}),
    (FAR_AWAY, {"took": {(FAR, WITH): 1.0, (FAR, WITHOUT): 1.5}}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        (TIMERS, {WITHOUT: None}),
        (CLOSE_BY, {"took": {(NEAR, WITHOUT): None}}),
        (FAR_AWAY, {"took": {(FAR, WITH): None}}),
    ],
)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(CLAIMS[name], Written(hosts=("server", WITH, WITHOUT)).evidence()) is UNKNOWN
