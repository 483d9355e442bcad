"""The claims of fast_retransmit on histories written by hand: right, wrong in one thing, with things missing."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from badwire.claims import HOLDS
from badwire.claims.claim import Claim
from badwire.evidence import Evidence
from scenarios.fast_retransmit import BEHIND, THREE, TWO, gap_is_reported, three_bring_it_back
from tests.claims.cases import Named, verdict_of, verdicts
from tests.claims.flows import WAY, Transfer, counted
from tests.claims.written import Written

AFTER_TWO = 2 * WAY + 1.1e-5  # s; between the arrivals of the second and of the third duplicate ACK
AFTER_THREE = 2 * WAY + 2e-5


@dataclass(frozen=True)
class Repair:
    """Of a lost segment: the duplicate ACKs, and seconds until it is sent again; None for what is missing."""

    duplicates: int
    again: float | None
    rto: float | None


FAST = Repair(duplicates=3, again=AFTER_THREE, rto=0.6)
BY_TIMER = Repair(duplicates=2, again=0.32, rto=0.3)


def run(
    delayed: float = 0.045,
    prompt: float = 1e-5,
    lost: bool = True,
    three: Repair = FAST,
    two: Repair = BY_TIMER,
    recoveries: int | None = 1,
    timeouts: int | None = 1,
) -> Evidence:
    """A correct history, but for what is changed: ``delayed`` and ``prompt`` are how long ACKs take, in seconds."""
    w = Written(scenario="fast_retransmit")
    for t, port, repair in (1.0, THREE, three), (6.0, TWO, two):
        transfer = Transfer(w, t, port)
        transfer.data(t, [1])
        transfer.ack(t + WAY + delayed, 2)
        transfer.data(t + 1, range(2, 3 + BEHIND[port]), lost=[2] if lost else [])
        transfer.ack(t + 1 + WAY + prompt, 2, times=repair.duplicates)
        if repair.rto:
            transfer.sample(t + 1.01, 1, rto=round(1e6 * repair.rto))
        if repair.again:
            transfer.data(t + 1 + repair.again, [2])
            # the timer has doubled it, and the sample has the earlier time
            doubled = round(2e6 * (repair.rto or 0.3))
            transfer.sample(t + 1 + repair.again - 1e-5, 1, rto=doubled, total_retrans=1)
    counted(w, "TcpExt_TCPRenoRecovery", {"client": recoveries})
    counted(w, "TcpExt_TCPTimeouts", {"client": timeouts})
    return w.evidence()


WRONG: Named = [
    ("gap_is_reported", {"prompt": 0.041}),  # like a delayed one
    ("gap_is_reported", {"delayed": 0.001}),  # none is ever delayed
    ("gap_is_reported", {"three": replace(FAST, duplicates=1)}),
    ("gap_is_reported", {"three": replace(FAST, duplicates=4)}),
    ("three_bring_it_back", {"three": replace(FAST, again=0.61)}),  # after the timer
    ("three_bring_it_back", {"three": replace(FAST, again=AFTER_TWO)}),
    ("two_do_not", {"two": replace(BY_TIMER, again=AFTER_THREE)}),  # after the second
    ("two_do_not", {"two": replace(BY_TIMER, again=0.299)}),
    ("two_do_not", {"two": replace(BY_TIMER, duplicates=3)}),
    ("counted", {"recoveries": 2}),
    ("counted", {"timeouts": 2}),
]
MISSING: Named = [
    ("three_bring_it_back", {"lost": False}),
    ("two_do_not", {"lost": False}),
    ("gap_is_reported", {"three": replace(FAST, duplicates=0)}),
    ("three_bring_it_back", {"three": replace(FAST, again=None)}),
    ("three_bring_it_back", {"three": replace(FAST, rto=None)}),
    ("two_do_not", {"two": replace(BY_TIMER, again=None)}),
    ("two_do_not", {"two": replace(BY_TIMER, rto=None)}),
    ("counted", {"recoveries": None}),
]
test_verdicts = verdicts("fast_retransmit", run, wrong=WRONG, missing=MISSING)

RIGHT: list[tuple[Claim, dict[str, Any]]] = [
    (gap_is_reported, {"prompt": 0.039, "delayed": 0.2}),
    (three_bring_it_back, {"three": replace(FAST, again=0.59)}),  # the relay was late
]


@pytest.mark.parametrize(("claim", "changes"), RIGHT)
def test_it_holds_on_a_busy_machine(claim: Claim, changes: dict[str, Any]) -> None:
    assert verdict_of(claim, run(**changes)) is HOLDS
