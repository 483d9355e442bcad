"""The claims of congestion_controls on histories written by hand: right, wrong in one thing, with things missing."""

from badwire.evidence import RECOVERY, Evidence
from badwire.evidence.congestion import OPEN
from badwire.linux.congestion import INFINITE
from scenarios.congestion_controls import BBR, CUBIC, EVERY, PORT, RENO
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


def run(
    ssthresh: dict[str, int] | None = None,
    cycles: dict[str, tuple[float, ...]] | None = None,
    state: int = RECOVERY,
) -> Evidence:
    """A right history, but for what is changed, by client: ssthresh after the first loss, seconds between losses."""
    ssthresh = SSTHRESH | (ssthresh or {})
    cycles = CYCLES | (cycles or {})
    w = Written(hosts=("server", *CLIENTS), scenario="congestion_controls")
    for number, client in enumerate(CLIENTS):
        t = 1.0 + 5 * number
        transfer = Transfer(w, t, PORT, client, way=0.025)
        for place, lasts in enumerate((*cycles[client], 0)):
            first = 1 + place * EVERY
            transfer.data(t, range(first, first + EVERY), lost=[first])
            t += lasts
        transfer.sample(t + 1, ca_state=state, snd_ssthresh=ssthresh[client])
        transfer.sample(t + 2, ca_state=state, snd_ssthresh=2)  # of a later loss
    return w.evidence()


WRONG: Named = [
    ("window_after_a_loss", {"ssthresh": {RENO: 7}}),
    ("window_after_a_loss", {"ssthresh": {CUBIC: 5}}),
    ("window_after_a_loss", {"ssthresh": {BBR: 5}}),
    ("cubic_like_reno", {"cycles": {CUBIC: (0.1, 0.1, 0.1)}}),
    ("cubic_like_reno", {"cycles": {CUBIC: (0.4, 0.4, 0.4)}}),
    ("bbr_keeps_growing", {"cycles": {BBR: (0.06, 0.06, 0.06)}}),
    ("bbr_keeps_growing", {"cycles": {RENO: (0.1, 0.1, 0.1)}}),
]
MISSING: Named = [
    ("window_after_a_loss", {"state": OPEN}),
    ("cubic_like_reno", {"cycles": {CUBIC: ()}}),
    ("bbr_keeps_growing", {"cycles": {BBR: ()}}),
]
test_verdicts = verdicts("congestion_controls", run, wrong=WRONG, missing=MISSING)
