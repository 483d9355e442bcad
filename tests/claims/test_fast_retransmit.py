"""The claims of fast_retransmit on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN
from badwire.old.evidence import Evidence
from scenarios.fast_retransmit import BEHIND, THREE, TWO
from tests.claims.flows import WAY, Transfer, claims_of, counted, outcome
from tests.claims.written import Written

CLAIMS = claims_of("fast_retransmit")
AT_ONCE = "a_segment_behind_a_gap_is_answered_at_once_by_the_number_of_the_gap"
THIRD = "the_third_repetition_brings_the_segment_back_before_the_timer"
SECOND = "two_repetitions_do_not_and_the_timer_must_run_out"
COUNTED = "the_kernel_counts_one_of_each"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; times in seconds, None for what is missing."""
    it: dict[str, Any] = {
        "patient": 0.045, "prompt": 1e-5, "lost": True, "three": {"told": 3, "again": 2 * WAY + 2e-5, "rto": 0.6},
        "two": {"told": 2, "again": 0.32, "rto": 0.3}, "fast": 1, "timeouts": 1,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    w = Written(scenario="fast_retransmit")
    for port, name in (THREE, "three"), (TWO, "two"):
        one = {**it[name], **wrong.get(name, {})}
        patient, prompt, lost = (wrong.get(key, it[key]) for key in ("patient", "prompt", "lost"))
        t = 1.0 + 5 * (port - THREE)
        transfer = Transfer(w, t, port)
        transfer.data(t, [1])
        transfer.ack(t + WAY + patient, 2)
        transfer.data(t + 1, range(2, 3 + BEHIND[port]), lost=[2] if lost else [])
        transfer.ack(t + 1 + WAY + prompt, 2, times=one["told"])
        if one["rto"]:
            transfer.look(t + 1.01, 1, rto=round(1e6 * one["rto"]))
        if one["again"]:
            transfer.data(t + 1 + one["again"], [2])
            # the timer has doubled it, and the look has the earlier time
            transfer.look(t + 1 + one["again"] - 1e-5, 1, rto=round(2e6 * (one["rto"] or 0.3)), total_retrans=1)
    counted(w, "TcpExt_TCPRenoRecovery", {"client": wrong.get("fast", it["fast"])})
    counted(w, "TcpExt_TCPTimeouts", {"client": wrong.get("timeouts", it["timeouts"])})
    return w.evidence()


RIGHT: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLAIMS),
    (AT_ONCE, {"prompt": 0.039, "patient": 0.2}),
    (THIRD, {"three": {"again": 0.59}}),  # the relay was late
]


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_it_holds_for_a_right_record(name: str, right: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**right)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (AT_ONCE, {"prompt": 0.041}),  # as a delayed one
    (AT_ONCE, {"patient": 0.001}),  # it never waits
    (AT_ONCE, {"three": {"told": 1}}),
    (AT_ONCE, {"three": {"told": 4}}),
    (THIRD, {"three": {"again": 0.61}}),  # after the timer
    (THIRD, {"three": {"again": 2 * WAY + 1.1e-5}}),  # after the second
    (SECOND, {"two": {"again": 2 * WAY + 2e-5}}),  # after the second
    (SECOND, {"two": {"again": 0.299}}),
    (SECOND, {"two": {"told": 3}}),
    (COUNTED, {"fast": 2}),
    (COUNTED, {"timeouts": 2}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        *((name, {"lost": False}) for name in (THIRD, SECOND)),
        (AT_ONCE, {"three": {"told": 0}}),
        (THIRD, {"three": {"again": None}}),
        (THIRD, {"three": {"rto": None}}),
        (SECOND, {"two": {"again": None}}),
        (SECOND, {"two": {"rto": None}}),
        (COUNTED, {"fast": None}),
    ],
)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(CLAIMS[name], Written().evidence()) is UNKNOWN
