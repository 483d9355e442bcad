"""The claims of user_timeout on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.user_timeout import IDLE, LIMITED, SYSTEM
from tests.claims.silent import Silent
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("user_timeout").claims}
WITHOUT = "without_it_the_system_s_count_stands_for_a_time"
DATA = "with_it_data_is_repeated_until_that_time_has_passed"
KEEPALIVE = "with_it_keepalive_ends_at_the_first_timer_after_that_time"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named."""
    it: dict[str, Any] = {
        "system": (0.21, 0.42, 0.83, 1.65), "limited": (0.21, 0.42, 0.83, 1.65, 2.1), "rto": 204_000,
        "idle": (2.01, 2.01), "first_probe": 3.0, "errno": "ETIMEDOUT", "gone": True, "heard": 0.5,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="user_timeout")
    silent = Silent(w)
    for port, waits, flags in (SYSTEM, it["system"], "PA"), (LIMITED, it["limited"], "PA"), (IDLE, it["idle"], "A"):
        silent.connect(port, t=it["heard"] if port == IDLE else 0.5)
        ended = silent.speak(port, it["first_probe"] if port == IDLE else 1.0, waits, flags, errno=it["errno"])
        silent.here(port, until=ended if it["gone"] else None, info={"rto": it["rto"]} if it["rto"] else {})
    silent.tables.write()
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (WITHOUT, {"system": (0.21, 0.42, 0.83)}),  # too early
    (WITHOUT, {"system": (0.21, 0.42, 0.83, 1.65, 3.3)}),  # one more, when the time had passed
    (WITHOUT, {"system": (0.21, 0.42, 0.42, 1.65)}),
    (WITHOUT, {"errno": "ECONNRESET"}),
    (DATA, {"limited": (0.21, 0.42, 0.83, 1.65, 3.3)}),  # the last wait was not cut
    (DATA, {"limited": (0.21, 0.42, 0.83, 1.65)}),
    (DATA, {"limited": (0.21, 0.42, 0.42, 1.65, 2.5)}),
    (DATA, {"errno": "ECONNRESET"}),
    (KEEPALIVE, {"idle": (2.01,)}),  # after as many as their number allows
    (KEEPALIVE, {"idle": (2.01, 2.01, 2.01)}),
    (KEEPALIVE, {"idle": (2.01, 1.0)}),
    (KEEPALIVE, {"heard": 2.5, "first_probe": 2.9}),  # not enough time had passed
    (KEEPALIVE, {"errno": "ECONNRESET"}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (WITHOUT, {"rto": 0}),
    (WITHOUT, {"gone": False}),
    (WITHOUT, {"system": (3.0,)}),
    (DATA, {"rto": 0}),
    (DATA, {"gone": False}),
    (DATA, {"limited": (5.0,)}),
    (KEEPALIVE, {"gone": False}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
