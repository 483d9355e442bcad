"""The claims of fast_recovery on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Sequence
from dataclasses import dataclass

from badwire.evidence import LOSS, RECOVERY, Evidence
from badwire.evidence.congestion import OPEN
from scenarios.fast_recovery import ALL, FLIGHT, ONE
from tests.claims.cases import Named, verdicts
from tests.claims.flows import Transfer
from tests.claims.written import Written


@dataclass(frozen=True)
class Sample:
    """What a sample of the sender's socket shows; windows in segments."""

    ca_state: int
    window: int
    ssthresh: int


RECOVERED = (Sample(RECOVERY, 18, 10), Sample(RECOVERY, 10, 10), Sample(OPEN, 10, 10), Sample(OPEN, 11, 10))
TIMED_OUT = (Sample(LOSS, 1, 10), Sample(LOSS, 2, 10), Sample(OPEN, 8, 10))


def run(
    before: int = FLIGHT,
    one: Sequence[Sample] = RECOVERED,
    all_lost: Sequence[Sample] = TIMED_OUT,
    lost: bool = True,
    acknowledged: int = 10,
    halves: Sequence[int] = (8, 10, 11, 6),
    anew: Sequence[int] = (1, 2, 4, 8, 10, 11, 9),
) -> Evidence:
    """A correct history, but for what is changed: the window before the loss, samples and flights after it.

    ``acknowledged`` is how many segments were acknowledged when those samples were taken.
    """
    w = Written(scenario="fast_recovery")
    second_flight = range(11, 11 + FLIGHT)
    lost_of_one = [11] if lost else []
    lost_of_all = second_flight if lost else []
    transfer(w, 1, ONE, before, lost_of_one, halves, one, acknowledged)
    transfer(w, 6, ALL, before, lost_of_all, anew, all_lost, acknowledged)
    return w.evidence()


def transfer(
    w: Written,
    t: float,
    port: int,
    before: int,
    lost: Sequence[int],
    sizes: Sequence[int],
    samples: Sequence[Sample],
    acknowledged: int,
) -> None:
    """A flight of ten, one of twenty of which some are lost, and after 0.3 s the flights of these ``sizes``."""
    sender = Transfer(w, t, port)
    t = sender.flights(t, [10])
    sender.data(t, range(11, 11 + FLIGHT), lost=lost)
    sender.sample(t + 0.01, 10, snd_cwnd=before)
    after = t + 0.3
    if sizes:
        sender.flights(after, sizes, first=11)  # only the ACK of its first segment ends a flight
    for place, sample in enumerate(samples, 1):
        sender.sample(
            after + 0.01 * place,
            acknowledged,
            ca_state=sample.ca_state,
            snd_cwnd=sample.window,
            snd_ssthresh=sample.ssthresh,
            total_retrans=place,
        )
    sender.socket_gone(after + 1)


WRONG: Named = [
    ("halved_in_recovery", {"one": (Sample(RECOVERY, 1, 10), *RECOVERED)}),
    ("halved_in_recovery", {"one": (*RECOVERED, Sample(OPEN, 9, 10))}),
    ("halved_in_recovery", {"one": (Sample(RECOVERY, 14, 14), Sample(OPEN, 14, 14))}),  # seven tenths
    ("halved_in_recovery", {"one": (Sample(RECOVERY, 10, 14), Sample(OPEN, 10, 14))}),
    ("halved_in_recovery", {"one": (Sample(RECOVERY, 18, 10), Sample(OPEN, 10, 10))}),  # recovery ended too early
    ("halved_in_recovery", {"before": 10}),
    ("one_after_a_timeout", {"all_lost": (Sample(LOSS, 10, 10),)}),
    ("one_after_a_timeout", {"all_lost": (Sample(LOSS, 1, 20),)}),
    ("one_after_a_timeout", {"before": 19}),
    ("flights_that_follow", {"halves": (1, 2, 4, 8, 10, 10)}),
    ("flights_that_follow", {"halves": (7, 10, 11, 7)}),
    ("flights_that_follow", {"anew": (10, 11, 12, 12)}),
    ("flights_that_follow", {"anew": (1, 2, 4, 8, 16, 14)}),
]
MISSING: Named = [
    ("halved_in_recovery", {"lost": False}),
    ("halved_in_recovery", {"one": ()}),
    ("halved_in_recovery", {"halves": ()}),
    ("one_after_a_timeout", {"lost": False}),
    ("one_after_a_timeout", {"all_lost": (Sample(OPEN, 20, 10),)}),
    ("one_after_a_timeout", {"all_lost": TIMED_OUT[1:], "acknowledged": 11}),  # sampled too late, on a busy machine
    ("one_after_a_timeout", {"anew": ()}),
    ("flights_that_follow", {"halves": ()}),
]
test_verdicts = verdicts("fast_recovery", run, wrong=WRONG, missing=MISSING)
