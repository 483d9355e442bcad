"""The claims of congestion_controls on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.linux.congestion import INFINITE
from badwire.old.claims import FAILS, HOLDS, UNKNOWN
from badwire.old.evidence import Evidence
from badwire.old.evidence.congestion import OPEN, RECOVERY
from scenarios.congestion_controls import BBR, CUBIC, EVERY, PORT, RENO
from tests.claims.flows import Transfer, claims_of, outcome
from tests.claims.written import Written

CLAIMS = claims_of("congestion_controls")
HOSTS = ("server", RENO, CUBIC, BBR)
LEFT = "a_loss_leaves_reno_half_of_the_window_cubic_seven_tenths_and_bbr_all"
ALIKE = "with_small_windows_cubic_is_as_fast_as_reno"
GROWS = "bbr_goes_on_growing_and_leaves_reno_behind"
TEETH = {RENO: (0.25, 0.25, 0.25), CUBIC: (0.2, 0.25, 0.3), BBR: (0.1, 0.06, 0.03)}


def run(
    left: dict[str, int] | None = None, teeth: dict[str, tuple[float, ...]] | None = None, state: int = RECOVERY
) -> Evidence:
    """A run as it should be, but for what is given by host: ssthresh after a loss, and seconds from loss to loss."""
    w = Written(hosts=HOSTS, scenario="congestion_controls")
    for number, host in enumerate(HOSTS[1:]):
        t = 1.0 + 5 * number
        transfer = Transfer(w, t, PORT, host, way=0.025)
        for place, lasts in enumerate((*{**TEETH, **(teeth or {})}[host], 0)):
            numbers = range(1 + place * EVERY, 1 + (place + 1) * EVERY)
            transfer.data(t, numbers, lost=numbers[:1])
            t += lasts
        ssthresh = {RENO: 5, CUBIC: 7, BBR: INFINITE, **(left or {})}[host]
        for place, later in enumerate((ssthresh, 2)):  # the first loss counts
            transfer.look(t + 1 + place, ca_state=state, snd_ssthresh=later)
    return w.evidence()


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(CLAIMS[name], run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (LEFT, {"left": {RENO: 7}}),
    (LEFT, {"left": {CUBIC: 5}}),
    (LEFT, {"left": {BBR: 5}}),
    (ALIKE, {"teeth": {CUBIC: (0.1, 0.1, 0.1)}}),
    (ALIKE, {"teeth": {CUBIC: (0.4, 0.4, 0.4)}}),
    (GROWS, {"teeth": {BBR: (0.06, 0.06, 0.06)}}),
    (GROWS, {"teeth": {RENO: (0.1, 0.1, 0.1)}}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


@pytest.mark.parametrize(
    ("name", "missing"),
    [(LEFT, {"state": OPEN}), (ALIKE, {"teeth": {CUBIC: ()}}), (GROWS, {"teeth": {BBR: ()}})],
)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(CLAIMS[name], run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(CLAIMS[name], Written(hosts=HOSTS).evidence()) is UNKNOWN
