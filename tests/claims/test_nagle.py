"""The claims of nagle on histories written by hand: right, wrong in one thing, with things missing."""

import pytest

from badwire.claims import HOLDS, Claim
from badwire.evidence import Evidence
from scenarios.nagle import (
    FULL,
    LONG,
    MORE,
    NO_DELAY,
    PIECE,
    PLAIN,
    WRITES,
    gathered,
    no_delay,
    one_small_segment,
)
from tests.claims.cases import Changes, Named, verdict_of, verdicts
from tests.claims.talking import Talk
from tests.claims.written import Written

TEN = len(PIECE)
Flights = tuple[tuple[int, ...], ...]  # the lengths of each flight's segments


def run(
    plain: Flights | None = ((TEN,), (9 * TEN,)),
    no_delay: Flights | None = ((TEN,) * WRITES,),
    more: Flights | None = ((WRITES * TEN,),),
    long: Flights | None = ((FULL, TEN),),
) -> Evidence:
    """A correct history, but for what is changed; None for no connection."""
    w = Written(scenario="nagle")
    send(w, PLAIN, 1.0, plain)
    send(w, NO_DELAY, 2.0, no_delay)
    send(w, MORE, 3.0, more)
    send(w, LONG, 4.0, long)
    return w.evidence()


def send(w: Written, port: int, t: float, flights: Flights | None) -> None:
    """A connection with these flights, each acknowledged before the next."""
    if flights is None:
        return
    talk = Talk(w, port, t)
    number = 1
    for place, flight in enumerate(flights):
        sent_at = t + 0.1 + place / 10
        for length in flight:
            talk.data(sent_at, number, length)
            number += length
        talk.ack(sent_at + 0.05, number)


WRONG: Named = [
    ("one_small_segment", {"plain": ((TEN, TEN), (8 * TEN,))}),
    ("one_small_segment", {"plain": ((TEN,), (8 * TEN, TEN))}),
    ("one_small_segment", {"plain": ((TEN,),)}),
    ("gathered", {"plain": ((TEN,), (TEN,), (8 * TEN,))}),
    ("gathered", {"plain": ((2 * TEN,), (8 * TEN,))}),
    ("no_delay", {"no_delay": ((TEN,), (9 * TEN,))}),
    ("no_delay", {"no_delay": ((TEN, TEN), (8 * TEN,))}),
    ("no_delay", {"no_delay": ((TEN,),) * WRITES}),  # each waited for the one before
    ("more_to_come", {"more": ((TEN,), (9 * TEN,))}),
    ("behind_a_full_segment", {"long": ((FULL,), (TEN,))}),
]
MISSING: Named = [
    ("one_small_segment", {"plain": None}),
    ("one_small_segment", {"plain": ()}),
    ("gathered", {"plain": None}),
    ("gathered", {"plain": ()}),
    ("gathered", {"plain": ((TEN,),)}),
    ("no_delay", {"no_delay": None}),
    ("no_delay", {"no_delay": ()}),
    ("more_to_come", {"more": None}),
    ("more_to_come", {"more": ()}),
    ("behind_a_full_segment", {"long": None}),
    ("behind_a_full_segment", {"long": ()}),
]
test_verdicts = verdicts("nagle", run, wrong=WRONG, missing=MISSING)

BUSY: list[tuple[Claim, Changes]] = [
    (one_small_segment, {"plain": ((TEN,), (4 * TEN,), (5 * TEN,))}),
    (gathered, {"plain": ((TEN,), (4 * TEN,), (5 * TEN,))}),
    (no_delay, {"no_delay": ((TEN,) * 8, (TEN,) * 2)}),
]


@pytest.mark.parametrize(("claim", "changes"), BUSY)
def test_on_a_busy_machine_writes_may_take_longer(claim: Claim, changes: Changes) -> None:
    assert verdict_of(claim, run(**changes)) is HOLDS
