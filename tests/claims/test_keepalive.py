"""The claims of keepalive on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.keepalive import ALIVE, ASKS, TRUSTS
from tests.claims.silent import Silent
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("keepalive").claims}
DEFAULT = "the_first_probe_comes_after_two_hours_and_nine_more_waits_of_75_s_end_it"
WITHOUT = "without_the_option_nothing_is_sent_and_the_connection_stays"
LIVES = "a_live_peer_answers_one_and_is_not_asked_again_soon"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named."""
    it: dict[str, Any] = {
        "option": "SO_KEEPALIVE", "idle": 7300.0, "waits": (76.8,) * 9, "errno": "ETIMEDOUT", "gone": True,
        "trusting_says": False, "trusting_left": None, "answers": ("A",), "asked_again": None, "living_left": None,
        "whole": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="keepalive", release="6.1.192", hz=100)
    silent = Silent(w)
    silent.connect(ASKS)
    silent.option(it["option"], 1.0)
    ended = silent.speak(ASKS, 1.0 + it["idle"], it["waits"], "A", errno=it["errno"])
    silent.here(ASKS, until=ended if it["gone"] else None)
    ports = silent.connect(TRUSTS)
    silent.here(TRUSTS, until=it["trusting_left"])
    silent.there(TRUSTS)
    if it["trusting_says"]:
        w.segment("client", "server", 7300, "A", seq=100, ack=501, lost=True, **ports["client"])
    ports = silent.connect(ALIVE)
    silent.here(ALIVE, until=it["living_left"])
    silent.there(ALIVE)
    for t, answers in (7300, it["answers"]), (it["asked_again"], ("A",)):
        if t is not None:
            w.segment("client", "server", t, "A", seq=100, ack=501, **ports["client"])
            for flags in answers:
                w.segment("server", "client", t + 0.001, flags, seq=501, ack=101, **ports["server"])
    silent.tables.write()
    w.dropped = 0 if it["whole"] else 1
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


RIGHT: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLAIMS),
    (DEFAULT, {"idle": 7520.0}),  # 32,768 ticks is the step of so long a timer
]


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_it_holds_for_a_right_record(name: str, right: dict[str, Any]) -> None:
    assert outcome(name, run(**right)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (DEFAULT, {"idle": 7199.0}),
    (DEFAULT, {"idle": 7600.0}),
    (DEFAULT, {"waits": (76.8,) * 8}),
    (DEFAULT, {"waits": (76.8,) * 10}),
    (DEFAULT, {"waits": (76.8,) * 8 + (153.6,)}),
    (DEFAULT, {"errno": "ECONNRESET"}),
    (WITHOUT, {"trusting_says": True}),
    (WITHOUT, {"trusting_left": 7900.0}),
    (LIVES, {"asked_again": 7376.0}),
    (LIVES, {"answers": ()}),
    (LIVES, {"answers": ("R",)}),
    (LIVES, {"living_left": 7900.0}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (DEFAULT, {"option": "SO_REUSEADDR"}),
    (DEFAULT, {"gone": False}),
    (WITHOUT, {"whole": False}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
