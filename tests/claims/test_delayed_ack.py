"""The claims of delayed_ack on histories written by hand: right, wrong in one thing, with things missing."""

from dataclasses import dataclass
from typing import Any

import pytest

from badwire.claims import HOLDS
from badwire.claims.claim import Claim
from badwire.evidence import Evidence
from scenarios.delayed_ack import (
    ANSWER,
    HEAD,
    MORE,
    NO_DELAY,
    PLAIN,
    QUICK,
    REST,
    ROUNDS,
    later_acks_wait,
    no_delay,
)
from tests.claims.cases import Named, verdict_of, verdicts
from tests.claims.talking import CLIENT_ISN, SERVER_ISN, Talk
from tests.claims.written import ON_THE_WIRE, Written

BOTH = len(HEAD + REST)
AT_ONCE = 0.0001  # s


@dataclass(frozen=True)
class Round:
    """A request in two segments: seconds from the head's arrival to its ACK, and to the sending of the rest."""

    acknowledged: float
    rest: float
    answered: float = 0.001  # from the rest's arrival


PROMPT = Round(acknowledged=AT_ONCE, rest=0.001)
DELAYED = Round(acknowledged=0.042, rest=0.043)
TOGETHER = Round(acknowledged=0.002, rest=AT_ONCE)
Rounds = tuple[Round, ...] | None  # None: no connection


def run(
    plain: Rounds = (PROMPT, *[DELAYED] * (ROUNDS - 1)),
    undelayed: Rounds = (TOGETHER,) * ROUNDS,
    more: tuple[int, ...] | None = (BOTH,) * ROUNDS,
    quick: Rounds = (PROMPT,) * ROUNDS,
) -> Evidence:
    """A correct history, but for the rounds of a connection; of MORE, the bytes in each segment."""
    w = Written(scenario="delayed_ack")
    requests(w, 10, PLAIN, plain)
    requests(w, 20, NO_DELAY, undelayed)
    if more is not None:
        talk = Talk(w, MORE, 30)
        number = 1
        for place, length in enumerate(more):
            talk.data(31 + place, number, length)
            number += length
            talk.ack(31.1 + place, number)
    requests(w, 40, QUICK, quick)
    return w.evidence()


def requests(w: Written, t: float, port: int, rounds: Rounds) -> None:
    """A connection that begins at ``t``, with a request each second."""
    if rounds is None:
        return
    talk = Talk(w, port, t)
    for place, one in enumerate(rounds):
        complete = request(talk, t + 1 + place, 1 + place * BOTH, one)
        w.segment(
            "server",
            "client",
            complete + one.answered,
            "PA",
            seq=SERVER_ISN + 1 + place * len(ANSWER),
            ack=CLIENT_ISN + 1 + (place + 1) * BOTH,
            data=ANSWER,
            **talk.server,
        )


def request(talk: Talk, t: float, number: int, one: Round) -> float:
    """A request whose first byte has this number; returns when all of it has arrived.

    Segments are written in the order of their sending.
    """
    rest = number + len(HEAD)
    arrived = t + ON_THE_WIRE
    talk.data(t, number, len(HEAD))
    if one.acknowledged < one.rest:
        talk.ack(arrived + one.acknowledged, rest)
        talk.data(arrived + one.rest, rest, len(REST))
    else:
        talk.data(arrived + one.rest, rest, len(REST))
        talk.ack(arrived + one.acknowledged, rest)
    return arrived + one.rest + ON_THE_WIRE


WRONG: Named = [
    ("first_ack_at_once", {"plain": (DELAYED,) * ROUNDS}),
    ("later_acks_wait", {"plain": (PROMPT,) * ROUNDS}),
    ("later_acks_wait", {"plain": (PROMPT, Round(0.039, 0.041), Round(0.039, 0.041))}),
    ("later_acks_wait", {"plain": (PROMPT, Round(0.21, 0.22), Round(0.21, 0.22))}),
    ("rest_waits", {"plain": (PROMPT, DELAYED, Round(0.042, 0.041))}),
    ("no_delay", {"undelayed": (DELAYED,) * ROUNDS}),
    ("one_segment", {"more": (len(HEAD), len(REST)) * ROUNDS}),
    ("quick_ack", {"quick": (PROMPT, PROMPT, DELAYED)}),
]
MISSING: Named = [
    ("first_ack_at_once", {"plain": None}),
    ("first_ack_at_once", {"plain": ()}),
    ("later_acks_wait", {"plain": None}),
    ("later_acks_wait", {"plain": ()}),
    ("later_acks_wait", {"plain": (PROMPT,)}),
    ("later_acks_wait", {"plain": (Round(AT_ONCE, 0.001, answered=0.1),) * ROUNDS}),  # a busy server answers late
    ("rest_waits", {"plain": None}),
    ("rest_waits", {"plain": ()}),
    ("no_delay", {"undelayed": None}),
    ("no_delay", {"undelayed": ()}),
    ("one_segment", {"more": None}),
    ("one_segment", {"more": ()}),
    ("quick_ack", {"quick": None}),
    ("quick_ack", {"quick": ()}),
]
test_verdicts = verdicts("delayed_ack", run, wrong=WRONG, missing=MISSING)

RIGHT: list[tuple[Claim, dict[str, Any]]] = [
    (later_acks_wait, {"plain": (PROMPT, PROMPT, DELAYED)}),  # the server answered late once
    (later_acks_wait, {"plain": (PROMPT, Round(0.199, 0.2), DELAYED)}),
    (no_delay, {"undelayed": (PROMPT, Round(0.04, 0.05), Round(0.04, AT_ONCE))}),  # the client was slow twice
]


@pytest.mark.parametrize(("claim", "changes"), RIGHT)
def test_it_holds_on_a_busy_machine(claim: Claim, changes: dict[str, Any]) -> None:
    assert verdict_of(claim, run(**changes)) is HOLDS
