"""The claims of give_up on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.linux.timers import backoff
from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.give_up import NOBODY, PEER
from tests.claims.silent import Silent
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("give_up").claims}
DOUBLES = "each_wait_is_twice_the_one_before_and_two_minutes_at_the_most"
GIVES_UP = "it_gives_up_after_924_6_seconds_in_which_fifteen_repetitions_fit"
KEPT = "to_the_end_the_bytes_are_kept_and_nobody_tells_the_peer"
CONNECT = "connect_gives_up_after_two_minutes"
SERIES = tuple(wait + 0.005 for wait in backoff(0.204, 16))  # 5 ms late each: within a step of the wheel at any HZ
SYNS = (1.02, 2.02, 4.02, 8.02, 16.02, 32.02, 64.02)


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named."""
    it: dict[str, Any] = {
        "waits": SERIES, "rto": 204_000, "kept": 5, "rst": False, "looked": 1.0, "errno": "ETIMEDOUT", "gone": True,
        "syns": SYNS, "syn_errno": "ETIMEDOUT",
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="give_up", release="6.1.192", hz=100)
    silent = Silent(w)
    ports = silent.connect(PEER)
    ended = silent.speak(PEER, 1.0, it["waits"], errno=it["errno"])
    silent.here(PEER, until=1.1, info={"rto": it["rto"]} if it["rto"] else {})
    silent.here(PEER, since=1.1, until=ended if it["gone"] else None, wqueue=it["kept"], info={"rto": 408_000})
    silent.there(PEER)
    silent.tables.look("server", ended + it["looked"])
    if it["rst"]:
        w.segment("client", "server", ended, "RA", seq=106, ack=501, lost=True, **ports["client"])
    silent.call_in_vain(NOBODY, 1.0, it["syns"], it["syn_errno"])
    silent.tables.write()
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


def one_wait(place: int, seconds: float) -> tuple[float, ...]:
    return (*SERIES[:place], seconds, *SERIES[place + 1 :])


WRONG: list[tuple[str, dict[str, Any]]] = [
    (DOUBLES, {"waits": one_wait(3, SERIES[2])}),  # not doubled
    (DOUBLES, {"waits": one_wait(12, 240)}),  # beyond the most that there is
    (DOUBLES, {"waits": one_wait(0, 0.203)}),
    (DOUBLES, {"rto": 1_000_000}),
    (GIVES_UP, {"waits": SERIES[:-1]}),  # after fourteen, too early
    (GIVES_UP, {"waits": (*SERIES, 120.01)}),  # one more, when the time had passed
    (GIVES_UP, {"waits": (*(0.2 + n / 100 for n in range(40)), 920)}),  # in time, but far too many
    (GIVES_UP, {"errno": "ECONNRESET"}),
    (KEPT, {"kept": 0}),
    (KEPT, {"rst": True}),
    (KEPT, {"looked": -1.0}),
    (CONNECT, {"syns": SYNS[:-1]}),
    (CONNECT, {"syns": (*SYNS, 120.1)}),
    (CONNECT, {"syn_errno": "EHOSTUNREACH"}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (DOUBLES, {"rto": 0}),  # no look before the silence began
    (DOUBLES, {"gone": False}),
    (GIVES_UP, {"gone": False}),
    (GIVES_UP, {"waits": (930.0,)}),  # nothing came again
    (CONNECT, {"syn_errno": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
