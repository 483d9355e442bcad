"""The claims of interrupted on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.interrupted import CLOSES, SPEAKS, STAYS
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("interrupted").claims}
HALVES = "while_the_client_only_stays_its_side_is_in_close_wait_and_the_other_in_fin_wait_2"
LEAVER = "a_client_that_closes_leaves_time_wait_behind"
SPEAKER = "one_that_speaks_first_is_reset_and_leaves_nothing_behind"
STAYER = "one_that_stays_is_forgotten_after_tcp_fin_timeout"

HERE, THERE = ("ESTABLISHED", "FIN_WAIT_2"), ("ESTABLISHED", "CLOSE_WAIT")
PORT = 40001  # the clients'


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: states, times in seconds, or None for what is missing."""
    it = {
        "closes": (*HERE, "TIME_WAIT"), "speaks": HERE, "stays": HERE, "there": THERE, "reset": "R",
        "free": f"bound {SPEAKS}", "lasted": 5.1,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="interrupted")
    for at, (port, states) in enumerate(((CLOSES, it["closes"]), (SPEAKS, it["speaks"]), (STAYS, it["stays"])), 1):
        for later, state in enumerate(states):
            w.sample("server", at + later / 10, [sock(state, port, PORT)])
    w.sample("server", 3 + 0.1 * (len(it["stays"]) - 1) + it["lasted"], []) if it["lasted"] else None
    for later, state in enumerate(it["there"]):
        w.sample("client", 3.05 + later / 10, [sock(state, PORT, STAYS, "10.0.0.3", "10.0.0.2")])
    w.segment("client", "server", 2.2, "PA", data=b"are you there?", dport=SPEAKS)
    if it["reset"]:
        w.segment("server", "client", 2.21, it["reset"], sport=SPEAKS)
    if it["free"]:
        w.program("server", 2.3, "try_bind", str(SPEAKS), exits=2.4, out=f"{it['free']}\n")
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (HALVES, {"there": (*THERE, "LAST_ACK")}),
    (HALVES, {"stays": (*HERE, "TIME_WAIT")}),
    (LEAVER, {"closes": HERE}),
    (LEAVER, {"closes": ("ESTABLISHED", "CLOSING", "TIME_WAIT")}),
    (SPEAKER, {"speaks": (*HERE, "TIME_WAIT")}),
    (SPEAKER, {"free": "bind: EADDRINUSE"}),
    (STAYER, {"lasted": 4.9}),
    (STAYER, {"lasted": 5.4}),
    (STAYER, {"lasted": 60.0}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (HALVES, {"there": ()}),
    (HALVES, {"stays": (), "lasted": None}),
    (LEAVER, {"closes": ()}),
    (SPEAKER, {"reset": None}),
    (SPEAKER, {"reset": "FA"}),
    (SPEAKER, {"free": None}),
    (SPEAKER, {"speaks": ()}),
    (STAYER, {"lasted": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
