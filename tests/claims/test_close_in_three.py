"""The claims of close_in_three on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Sequence

import pytest

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.close_in_three import CLIENTS, CORKED, ECHO, FIN, ack_and_fin_in_one
from tests.claims.cases import Named, verdict_of, verdicts
from tests.claims.ladders import OPENING, talk
from tests.claims.written import Written

ECHOED = ("client PA 1 ack 1: that was all", "server PA 1 ack 13: that was all")
THREE = ("client FA 13 ack 13", "server FA 13 ack 14", "client A 14 ack 14")
FOUR = (THREE[0], "server A 13 ack 14", *THREE[1:])
WRONG_ACK = (THREE[0], THREE[1], "client A 14 ack 13")
CORKED_FIN = ("client FPA 1 ack 1: that was all", "server A 1 ack 14")
Closed = tuple[Sequence[str], float]  # the segments, and the seconds from the first to the second of them

SOON = 0.001  # s
IN_TIME = 0.03  # s; less than TCP_DELACK_MIN
TOO_LATE = 0.041  # s


def run(closings: Sequence[Closed] = ((THREE, SOON),) * CLIENTS, corked: Sequence[str] = CORKED_FIN) -> Evidence:
    """A correct history, but for what is changed."""
    w = Written(scenario="close_in_three")
    for number, (segments, wait) in enumerate(closings):
        t = talk(w, ECHO, 1 + number, *OPENING, *ECHOED, segments[0], own=50000 + number)
        talk(w, ECHO, t + wait, *segments[1:], own=50000 + number)
    talk(w, CORKED, 10, *OPENING, *corked)
    return w.evidence()


def test_the_fin_has_the_number_after_the_data() -> None:
    assert THREE[0] == f"client FA {FIN} ack {FIN}"


@pytest.mark.parametrize("closings", [((THREE, SOON), *((FOUR, TOO_LATE),) * 4), ((THREE, IN_TIME),) * 5])
def test_closings_that_come_too_late_are_not_judged(closings: Sequence[Closed]) -> None:
    assert verdict_of(ack_and_fin_in_one, run(closings=closings)) is HOLDS


WRONG: Named = [
    ("ack_and_fin_in_one", {"closings": ((FOUR, SOON),) * 5}),
    ("ack_and_fin_in_one", {"closings": (*((THREE, SOON),) * 4, (FOUR, IN_TIME))}),
    ("ack_and_fin_in_one", {"closings": ((WRONG_ACK, SOON),) * 5}),
    ("fin_with_data", {"corked": ("client PA 1 ack 1: that was all", "client FA 13 ack 1", "server A 1 ack 14")}),
    ("fin_with_data", {"corked": (CORKED_FIN[0], "server A 1 ack 13")}),
    ("fin_with_data", {"corked": ("client FPA 1 ack 1: that was al", "server A 1 ack 14")}),
]
MISSING: Named = [
    ("ack_and_fin_in_one", {"closings": ((FOUR, TOO_LATE),) * 5}),
    ("ack_and_fin_in_one", {"closings": ((THREE, SOON),) * 4}),
    ("ack_and_fin_in_one", {"closings": ((THREE[:1], 0),) * 5}),
    ("fin_with_data", {"corked": ("client PA 1 ack 1: that was all",)}),
]
test_verdicts = verdicts("close_in_three", run, wrong=WRONG, missing=MISSING)
