"""The claims of keepalive_options on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.keepalive_options import ALIVE, DIES, FORGETS
from tests.claims.silent import Silent
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("keepalive_options").claims}
PROBE = "a_probe_carries_nothing_and_its_number_is_one_below_the_next"
LIVES = "a_live_peer_answers_each_and_the_next_comes_when_all_was_quiet_again"
DEAD = "a_dead_peer_is_given_up_after_so_many_probes_and_that_is_said_with_rst"
FORGOT = "a_peer_that_forgot_answers_the_first_probe_with_rst"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named."""
    it: dict[str, Any] = {
        "option": "SO_KEEPALIVE", "first": 3.1, "waits": (2.01, 2.01, 2.01), "errno": "ETIMEDOUT", "gone": True,
        "seq": 100, "data": b"", "leave": "RA", "asked": (4.1, 7.11, 10.12), "answered": "A", "living_left": None,
        "says": "R", "learns": "ECONNRESET",
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="keepalive_options")
    silent = Silent(w)
    ports = silent.connect(DIES)
    silent.option(it["option"], 1.0)
    probe = {"seq": it["seq"], "data": it["data"]}
    ended = silent.speak(DIES, 1.0 + it["first"], it["waits"], "A", errno=it["errno"], **probe)
    silent.here(DIES, until=ended if it["gone"] else None)
    if it["leave"]:
        w.segment("client", "server", ended, it["leave"], seq=101, ack=501, lost=True, **ports["client"])
    ports = silent.connect(ALIVE)
    silent.here(ALIVE, until=it["living_left"])
    silent.there(ALIVE)
    for t in it["asked"]:
        w.segment("client", "server", t, "A", seq=100, ack=501, **ports["client"])
        if it["answered"]:
            w.segment("server", "client", t + 0.0001, it["answered"], seq=501, ack=101, **ports["server"])
    ports = silent.connect(FORGETS)
    w.segment("server", "client", 0.7, "RA", seq=501, ack=101, lost=True, **ports["server"])
    w.segment("client", "server", 4.1, "A", seq=100, ack=501, **ports["client"])
    w.segment("server", "client", 4.2, it["says"], seq=501, **ports["server"])
    w.call("client", 1.2, "recv", 100, took=3, errno=it["learns"], socket=3)
    silent.tables.write()
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (PROBE, {"seq": 101}),
    (PROBE, {"data": b"?"}),
    (LIVES, {"asked": ()}),
    (LIVES, {"answered": ""}),
    (LIVES, {"answered": "R"}),
    (LIVES, {"asked": (4.1, 6.11, 8.12)}),  # as often as a dead one
    (LIVES, {"asked": (4.1, 7.11, 13.5)}),
    (LIVES, {"living_left": 10.0}),
    (DEAD, {"first": 2.9}),
    (DEAD, {"waits": (2.01, 2.01)}),
    (DEAD, {"waits": (2.01, 2.01, 2.01, 2.01)}),
    (DEAD, {"waits": (2.01, 4.01, 2.01)}),
    (DEAD, {"leave": ""}),
    (DEAD, {"errno": "ECONNRESET"}),
    (FORGOT, {"says": "A"}),
    (FORGOT, {"learns": "ETIMEDOUT"}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (LIVES, {"asked": (4.1,)}),  # no second probe
    (DEAD, {"option": "SO_REUSEADDR"}),
    (DEAD, {"gone": False}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
