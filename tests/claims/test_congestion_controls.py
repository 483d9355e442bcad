"""The claims of congestion_controls on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Mapping, Sequence

from badwire.evidence import LOSS, RECOVERY, Evidence
from badwire.evidence.congestion import OPEN
from badwire.linux.congestion import INFINITE
from scenarios.congestion_controls import (
    BBR,
    CUBIC,
    CUBIC_BY_TIMER,
    EVERY,
    FIRST_FLIGHT,
    GROWTH,
    PORT,
    RENO,
    RENO_BY_TIMER,
)
from tests.claims.cases import Named, verdicts
from tests.claims.flows import Transfer
from tests.claims.written import Written

CLIENTS = (RENO, CUBIC, BBR)
SSTHRESH = {RENO: 5, CUBIC: 7, BBR: INFINITE}
CYCLES = {
    RENO: (0.25, 0.25, 0.25),
    CUBIC: (0.2, 0.25, 0.3),
    BBR: (0.1, 0.06, 0.03),
}  # s from each loss to the next

FLIGHTS: Mapping[str, Sequence[int]] = {
    RENO_BY_TIMER: (1, 2, 4, 8, 16, 17, 18, 19, 3),
    CUBIC_BY_TIMER: (1, 2, 4, 8, 16, 22, 23, 25, 27, 3),
}
AFTER_TIMEOUT: Mapping[str, tuple[int, int]] = {RENO_BY_TIMER: (1, 16), CUBIC_BY_TIMER: (1, 22)}


def run(
    ssthresh: dict[str, int] | None = None,
    cycles: dict[str, tuple[float, ...]] | None = None,
    state: int = RECOVERY,
    flights: Mapping[str, Sequence[int]] = {},
    timeout: Mapping[str, tuple[int, int]] = {},
    timeout_state: int = LOSS,
    acknowledged: int = 0,
) -> Evidence:
    """A correct history, but for what is changed, by client.

    Args:
        ssthresh: after the first loss; ``cycles``: seconds between losses; ``state``: of the samples after the loss.
        flights: after the timeout; ``timeout``: window and ssthresh then; ``timeout_state``: of the sample.
        acknowledged: how many segments were acknowledged when that sample was taken.
    """
    ssthresh = SSTHRESH | (ssthresh or {})
    cycles = CYCLES | (cycles or {})
    w = Written(hosts=("server", *CLIENTS, RENO_BY_TIMER, CUBIC_BY_TIMER), scenario="congestion_controls")
    for number, client in enumerate(CLIENTS):
        t = 1.0 + 5 * number
        transfer = Transfer(w, t, PORT, client, way=0.025)
        for place, lasts in enumerate((*cycles[client], 0)):
            first = 1 + place * EVERY
            transfer.data(t, range(first, first + EVERY), lost=[first])
            t += lasts
        transfer.sample(t + 1, ca_state=state, snd_ssthresh=ssthresh[client])
        transfer.sample(t + 2, ca_state=state, snd_ssthresh=2)  # of a later loss
    for number, client in enumerate((RENO_BY_TIMER, CUBIC_BY_TIMER)):
        t = 30.0 + 10 * number
        transfer = Transfer(w, t, GROWTH, client)
        lost = range(1, FIRST_FLIGHT + 1)
        transfer.data(t, lost, lost=lost)
        transfer.flights(t + 0.3, {**FLIGHTS, **flights}[client])
        window, threshold = {**AFTER_TIMEOUT, **timeout}[client]
        transfer.sample(t + 0.01)
        transfer.sample(
            t + 0.31, acknowledged, total_retrans=1, ca_state=timeout_state, snd_cwnd=window, snd_ssthresh=threshold
        )
        transfer.socket_gone(t + 5)
    return w.evidence()


WRONG: Named = [
    ("window_after_a_loss", {"ssthresh": {RENO: 7}}),
    ("window_after_a_loss", {"ssthresh": {CUBIC: 5}}),
    ("window_after_a_loss", {"ssthresh": {BBR: 5}}),
    ("cubic_like_reno", {"cycles": {CUBIC: (0.1, 0.1, 0.1)}}),
    ("cubic_like_reno", {"cycles": {CUBIC: (0.4, 0.4, 0.4)}}),
    ("bbr_keeps_growing", {"cycles": {BBR: (0.06, 0.06, 0.06)}}),
    ("bbr_keeps_growing", {"cycles": {RENO: (0.1, 0.1, 0.1)}}),
    ("window_after_a_timeout", {"timeout": {RENO_BY_TIMER: (1, 22)}}),
    ("window_after_a_timeout", {"timeout": {CUBIC_BY_TIMER: (1, 16)}}),
    ("window_after_a_timeout", {"timeout": {RENO_BY_TIMER: (16, 16)}}),
    ("window_after_a_timeout", {"timeout": {CUBIC_BY_TIMER: (22, 22)}}),
    ("growth", {"flights": {RENO_BY_TIMER: (1, 2, 4, 8, 16, 18, 19, 3)}}),
    ("growth", {"flights": {RENO_BY_TIMER: (1, 2, 4, 8, 16, 16, 17, 3)}}),
    ("growth", {"flights": {CUBIC_BY_TIMER: (1, 2, 4, 8, 16, 22, 23, 24, 3)}}),
]
MISSING: Named = [
    ("window_after_a_loss", {"state": OPEN}),
    ("cubic_like_reno", {"cycles": {CUBIC: ()}}),
    ("bbr_keeps_growing", {"cycles": {BBR: ()}}),
    ("window_after_a_timeout", {"timeout_state": OPEN}),
    ("window_after_a_timeout", {"timeout": {RENO_BY_TIMER: (2, 16)}, "acknowledged": 1}),  # sampled too late
    ("growth", {"flights": {RENO_BY_TIMER: (1, 2, 4, 8, 3)}}),
    ("growth", {"flights": {CUBIC_BY_TIMER: (1, 2, 4, 8, 16, 3)}}),
]
test_verdicts = verdicts("congestion_controls", run, wrong=WRONG, missing=MISSING)
