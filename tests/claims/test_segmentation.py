"""The claims of segmentation on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence

import pytest

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.segmentation import MESSAGE, PLAIN, SMALL, SMALL_MSS
from tests.claims.cases import Changes, claims, verdict_of, verdicts
from tests.claims.written import Written

PIECES = (1460, 1460, 1080)
SMALL_PIECES = (536, 536, 536, 536, 536, 536, 536, 248)
NAMED = {"client": 1460, "server": 1460}
SMALL_NAMED = {"client": 1460, "server": SMALL_MSS}


def run(
    mss: dict[str, int] = NAMED,
    small_mss: dict[str, int] = SMALL_NAMED,
    plain: Sequence[int] = PIECES,
    small: Sequence[int] = SMALL_PIECES,
    small_back: Sequence[int] = SMALL_PIECES,
    again: bool = False,
    answered: bool = True,
) -> Evidence:
    """A correct history, but for what is changed; lengths in bytes, empty for what is missing."""
    w = Written(scenario="segmentation")
    for t, port, named, there, back in (
        (1.0, PLAIN, mss, plain, plain),
        (5.0, SMALL, small_mss, small, small_back),
    ):
        w.segment("client", "server", t, "S", seq=100, options={"mss": named["client"]}, sport=40001, dport=port)
        if answered:
            answer = {"mss": named["server"]}
            w.segment("server", "client", t + 0.1, "SA", seq=500, ack=101, options=answer, sport=port, dport=40001)
            w.segment("client", "server", t + 0.2, "A", seq=101, ack=501, sport=40001, dport=port)
            data(w, "client", "server", t, 101, there, again, 40001, port)
            data(w, "server", "client", t, 501, back, again, port, 40001)
    return w.evidence()


def data(
    w: Written, source: str, to: str, t: float, seq: int, lengths: Sequence[int], again: bool, sport: int, dport: int
) -> None:
    """Segments of these lengths, one after the other; the second is sent again where ``again`` says so."""
    for number, length in enumerate(lengths):
        w.segment(source, to, t + 0.5, "A", seq=seq, ack=1, data=bytes(length), sport=sport, dport=dport)
        if again and number == 1:
            w.segment(source, to, t + 0.6, "A", seq=seq, data=bytes(length), sport=sport, dport=dport)
        seq += length


WRONG: list[tuple[str, Changes]] = [
    ("mss_is_mtu_less_headers", {"mss": {"client": 1460, "server": 1448}}),
    ("mss_is_mtu_less_headers", {"mss": {"client": 536, "server": 1460}}),
    ("mss_is_mtu_less_headers", {"mss": {"client": 1460, "server": 1500}}),
    ("full_segments_and_the_rest", {"plain": (1460, 1460, 1000, 80)}),
    ("full_segments_and_the_rest", {"plain": (4000,)}),
    ("smaller_mss_limits", {"small": PIECES}),
    ("smaller_mss_limits", {"small_mss": NAMED}),
    ("own_limit_counts_too", {"small_back": PIECES}),
]
MISSING: list[tuple[str, Changes]] = [
    ("mss_is_mtu_less_headers", {"answered": False}),
    ("full_segments_and_the_rest", {"plain": ()}),
    ("smaller_mss_limits", {"small": ()}),
    ("own_limit_counts_too", {"small_back": ()}),
]
test_verdicts = verdicts("segmentation", run, wrong=WRONG, missing=MISSING)


@pytest.mark.parametrize("name", claims("segmentation"))
def test_what_is_sent_again_is_counted_once(name: str) -> None:
    assert verdict_of(claims("segmentation")[name], run(again=True)) is HOLDS


def test_the_message_takes_more_than_one_segment() -> None:
    assert sum(PIECES) == sum(SMALL_PIECES) == len(MESSAGE)
