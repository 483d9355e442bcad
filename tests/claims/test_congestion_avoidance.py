"""The claims of congestion_avoidance on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Mapping, Sequence

from badwire.evidence import Evidence
from badwire.linux.congestion import INFINITE, window_after
from scenarios.congestion_avoidance import FLIGHTS, INITIAL, PORT, SLOW_START, SSTHRESH
from tests.claims.cases import Named, verdicts
from tests.claims.flows import Transfer
from tests.claims.written import Written

WINDOWS = {n: window_after(n, 1, SSTHRESH) for n in (1, 7, 15, 20, 31, 48)}
State = tuple[int, int]  # congestion window and ssthresh, in segments


def run(
    flights: Sequence[int] = FLIGHTS[1:],
    again: bool = True,
    before: State | None = (INITIAL, INFINITE),
    after: State | None = (1, SSTHRESH),
    acknowledged: int = 0,
    windows: Mapping[int, int] = WINDOWS,
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing.

    Args:
        flights: after the timeout, if the first segment is sent ``again``.
        before, after: what samples show before and after the timeout.
        acknowledged: how many segments were acknowledged when the sample after the timeout was taken.
        windows: by how many segments were acknowledged.
    """
    w = Written(scenario="congestion_avoidance")
    transfer = Transfer(w, 1, PORT)
    lost = range(1, INITIAL + 1)
    transfer.data(1, lost, lost=lost)
    if before:
        window, ssthresh = before
        transfer.sample(1.01, 0, snd_cwnd=window, snd_ssthresh=ssthresh, notsent_bytes=1)
    if again:
        transfer.flights(1.3, flights)
    if after:
        window, ssthresh = after
        transfer.sample(
            1.31,
            acknowledged,
            total_retrans=1,
            ca_state=4,
            snd_cwnd=window,
            snd_ssthresh=ssthresh,
            notsent_bytes=1,
        )
    for number, (acknowledged, window) in enumerate(windows.items()):
        t = 1.4 + number / 10
        transfer.sample(t, acknowledged, total_retrans=32, snd_cwnd=window, snd_ssthresh=SSTHRESH, notsent_bytes=1)
    transfer.socket_gone(9)
    return w.evidence()


def test_slow_start_ends_where_the_window_is_ssthresh() -> None:
    assert window_after(SLOW_START - 1, 1, SSTHRESH) == SSTHRESH - 1
    assert window_after(SLOW_START, 1, SSTHRESH) == SSTHRESH


WRONG: Named = [
    ("after_timeout", {"after": (16, 16)}),  # as after three duplicate ACKs
    ("after_timeout", {"after": (1, 32)}),
    ("after_timeout", {"after": (1, 22)}),  # seven tenths
    ("after_timeout", {"after": (2, SSTHRESH)}),
    ("after_timeout", {"before": (INITIAL, 20)}),  # there was an ssthresh before
    ("after_timeout", {"before": (INITIAL - 1, INFINITE)}),
    ("flights", {"flights": (1, 2, 4, 8, 16, 32, 42)}),  # it goes on doubling
    ("flights", {"flights": (1, 2, 4, 8, 16, 16, 17, 17, 18, 6)}),  # by one in two round trips
    ("flights", {"flights": (16, 17, 18, 19, 20)}),
    ("window_grows", {"windows": {7: 8, 15: 16, 31: 32}}),
    ("window_grows", {"windows": {7: 8, 15: 16, 31: 16, 48: 17}}),
    ("window_grows", {"windows": {7: 7, 15: 16, 31: 17}}),
]
MISSING: Named = [
    ("after_timeout", {"again": False}),
    ("after_timeout", {"before": None}),
    ("after_timeout", {"after": None}),
    ("after_timeout", {"after": (8, SSTHRESH), "acknowledged": 7}),  # sampled too late, on a busy machine
    ("window_grows", {"windows": {}}),
    ("window_grows", {"windows": {1: 2, 7: 8}}),  # no sample beyond ssthresh
    ("window_grows", {"windows": {1: 2, 15: 16}}),
    ("window_grows", {"windows": {15: 16, 31: 17}}),  # no sample below
]
test_verdicts = verdicts("congestion_avoidance", run, wrong=WRONG, missing=MISSING)
