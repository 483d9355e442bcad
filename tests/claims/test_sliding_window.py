"""The claims of sliding_window on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.sliding_window import MESSAGE, PORT, READS
from tests.claims.talking import Talk
from tests.claims.written import ON_THE_WIRE, Written, sock

CLAIMS = {each.name: each for each in load("sliding_window").claims}
NO_BYTE_BEYOND, STOPS, ASKS, OPENS = CLAIMS
UNIT = {"mss": 1460, "window_scale": 7}  # windows count in units of 128 bytes
EDGE = 50_001 + 78 * 128  # where the window ends as long as nobody reads


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: numbers, bytes, times in seconds, or None for what is missing."""
    it: dict[str, Any] = {
        "last_data": EDGE, "moves_back": 0, "waits": (0.29, 0.57, 1.19, 2.27), "rto": 280_000, "probe": 0,
        "shuts": True, "reads": 8.0, "opens": 8.001, "goes_on": 0.0001, "acknowledged": len(MESSAGE) + 1, "dropped": 0,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="sliding_window")
    w.dropped = it["dropped"]
    talk = Talk(w, PORT, 1.0, (64240, 50_000), UNIT)
    talk.data(1.1, 1, 50_000)
    talk.ack(1.2, 50_001, 78)
    talk.data(1.3, 50_001, it["last_data"] - 50_001)
    t = closed(w, talk, it) if it["shuts"] else 2.0
    if it["reads"]:
        w.note(it["reads"], READS)
    if it["opens"]:
        talk.ack(it["opens"], EDGE, 400)
        if it["goes_on"] is not None:
            talk.data(max(it["opens"], t) + ON_THE_WIRE + it["goes_on"], EDGE, len(MESSAGE) + 1 - EDGE)
        talk.ack(9.5, it["acknowledged"], 400)
    return w.evidence()


def closed(w: Written, talk: Talk, it: dict[str, Any]) -> float:
    """The window is shut, and the client asks; gives the time of the last answer."""
    t = 1.4
    talk.ack(t, EDGE - it["moves_back"], 0)
    w.sample("client", 1.0, [sock("ESTABLISHED", 40000, PORT, "10.0.0.3", "10.0.0.2", info={"backoff": 0, "rto": 1})])
    for number, wait in enumerate(it["waits"]):
        t += ON_THE_WIRE + wait
        talk.data(t, EDGE - 1 if not it["probe"] else EDGE, it["probe"])
        if it["rto"]:
            what = {"timer": "probe", "info": {"backoff": number + 1, "rto": it["rto"]}}
            w.sample("client", t, [sock("ESTABLISHED", 40000, PORT, "10.0.0.3", "10.0.0.2", **what)])
        t += 0.001
        talk.ack(t, EDGE, 0)
    return t


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


RIGHT: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLAIMS),
    (NO_BYTE_BEYOND, {"last_data": EDGE - 1}),
    (ASKS, {"waits": (0.28, 0.56, 1.12, 2.24)}),
    (ASKS, {"waits": (0.55, 0.57, 1.19, 2.27)}),  # the machine was busy
    (OPENS, {"opens": 8.5, "goes_on": 0.19}),
]


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_it_holds_for_a_right_record(name: str, right: dict[str, Any]) -> None:
    assert outcome(name, run(**right)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (NO_BYTE_BEYOND, {"last_data": EDGE + 1}),
    (STOPS, {"last_data": EDGE + 1}),
    (STOPS, {"last_data": EDGE - 100}),  # short of what it might have sent
    (STOPS, {"probe": 1}),  # new data against a window of nought
    (STOPS, {"moves_back": 1000}),
    (ASKS, {"waits": (0.27, 0.57, 1.19, 2.27)}),  # too early
    (ASKS, {"waits": (0.29, 0.29, 0.29, 0.29)}),  # not doubled
    (ASKS, {"waits": (0.29, 0.57, 1.19, 4.5)}),
    (ASKS, {"waits": (0.29, 0.57, 1.19)}),
    (ASKS, {"waits": (0.29, 0.57, 1.19, 2.27, 4.5), "opens": None}),
    (OPENS, {"opens": 7.9}),  # for one byte
    (OPENS, {"goes_on": 0.28}),  # when it would have asked
    (OPENS, {"acknowledged": len(MESSAGE)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (NO_BYTE_BEYOND, {"dropped": 1}),
    (STOPS, {"shuts": False}),
    (STOPS, {"waits": ()}),
    (ASKS, {"shuts": False}),
    (ASKS, {"rto": None}),
    (OPENS, {"shuts": False}),
    (OPENS, {"reads": None}),
    (OPENS, {"opens": None}),
    (OPENS, {"goes_on": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
