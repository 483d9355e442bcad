"""The claims of one_read on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.one_read import ARRIVED, MESSAGE, PATIENT, SHORT, TOGETHER, TRUSTING
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("one_read").claims}
PART = "one_read_gives_what_has_come_of_what_one_write_has_sent"
LOSES = "a_server_that_takes_it_for_the_message_loses_the_rest_and_one_that_reads_on_does_not"
JOINED = "two_short_writes_come_in_one_read"
ALL = len(MESSAGE)


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: bytes that each recv gave; None for what is missing."""
    it: dict[str, Any] = {
        "sent": ALL, "trusting": (ARRIVED,), "patient": (ARRIVED, ALL - ARRIVED, 0), "reset": True,
        "written": SHORT, "together": b"abcdef", "noted": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="one_read")
    for t, port, reads in (1.0, TRUSTING, it["trusting"]), (3.0, PATIENT, it["patient"]):
        if it["noted"]:
            w.note(t, f"to port {port}")
        w.segment("client", "server", t + 0.1, "S", sport=40001, dport=port)
        if it["sent"] is not None:
            w.call("client", t + 0.2, "send", MESSAGE, value=it["sent"])
        for n, size in enumerate(reads):
            w.call("server", t + 0.3 + n / 10, "recv", 65536, value=bytes(size))
    if it["reset"]:
        w.segment("server", "client", 2, "R", sport=TRUSTING, dport=40001)
    if it["noted"]:
        w.note(5, "two short ones")
    for data in it["written"]:
        w.call("client", 5.1, "send", data, value=len(data))
    if it["together"] is not None:
        w.call("server", 5.2, "recv", 65536, value=it["together"], socket=TOGETHER)
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
    (PART, {"sent": ARRIVED}),
    (PART, {"patient": (ALL, 0)}),
    (LOSES, {"trusting": (ALL,)}),
    (LOSES, {"trusting": (ARRIVED, ALL - ARRIVED)}),
    (LOSES, {"patient": (ARRIVED, 0)}),
    (JOINED, {"together": b"ab"}),
    (JOINED, {"written": (b"abcdef",)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (PART, {"sent": None}),
    (PART, {"patient": ()}),
    (PART, {"noted": False}),
    (LOSES, {"reset": False}),
    (LOSES, {"trusting": ()}),
    (LOSES, {"patient": ()}),
    (JOINED, {"together": None}),
    (JOINED, {"written": ()}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
