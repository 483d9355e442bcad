"""The claims of full_buffer on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.full_buffer import IDLE, MESSAGE, NOTHING, PORT
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("full_buffer").claims}
WAITS = "a_send_that_blocks_waits_for_the_reader_and_takes_everything"
LESS = "a_send_that_does_not_block_takes_what_there_is_room_for_and_then_gives_eagain"
LIES = "what_it_took_lies_in_the_two_buffers"
NOUGHT = "nought_comes_only_of_sending_nothing"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: bytes, and times in seconds; None for what is missing."""
    it: dict[str, Any] = {
        "took": IDLE + 0.2, "value": len(MESSAGE), "read": True, "noted": True, "taken": (14480, 2896),
        "last": "EAGAIN", "kept": (9000, 8376), "window": 0, "nothing": 0,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="full_buffer")
    ports = {"sport": 40001, "dport": PORT}, {"sport": PORT, "dport": 40001}
    w.segment("client", "server", 0.5, "S", seq=100, **ports[0])
    w.segment("server", "client", 0.6, "SA", seq=500, ack=101, **ports[1])
    w.segment("client", "server", 0.7, "A", seq=101, ack=501, **ports[0])
    if it["nothing"] is not None:
        w.call("client", 0.8, "send", NOTHING, value=it["nothing"])
    if it["noted"]:
        w.note(1, "blocking")
    w.call("client", 1.1, "send", MESSAGE, value=it["value"], took=it["took"])
    if it["read"]:
        w.call("server", 1.1 + IDLE, "recv", len(MESSAGE), "MSG_WAITALL", value=MESSAGE, took=0.1)
    if it["window"] is not None:
        w.segment("server", "client", 1.5, "A", seq=501, ack=101, window=it["window"], **ports[1])
    w.note(4, "not blocking")
    for value in it["taken"]:
        w.call("client", 4.1, "send", MESSAGE, value=value)
    if it["last"] != "none":
        w.call("client", 4.2, "send", MESSAGE, errno=it["last"])
    if it["kept"] is not None:
        w.sample("client", 5, [sock("ESTABLISHED", 40001, PORT, "10.0.0.3", "10.0.0.2", wqueue=it["kept"][0])])
        w.sample("server", 5, [sock("ESTABLISHED", PORT, 40001, rqueue=it["kept"][1])])
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
    (WAITS, {"value": 14480}),
    (WAITS, {"took": IDLE / 2}),
    (WAITS, {"took": IDLE - 0.001}),
    (LESS, {"taken": (len(MESSAGE),)}),
    (LESS, {"last": "EPIPE"}),
    (LIES, {"kept": (9000, 9000)}),
    (LIES, {"taken": (14480,)}),
    (NOUGHT, {"taken": (14480, 0)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (WAITS, {"noted": False}),
    (WAITS, {"read": False}),
    (LESS, {"taken": (), "last": None}),
    (LESS, {"taken": (), "last": "none"}),
    (LIES, {"kept": None}),
    (LIES, {"window": 9000}),
    (LIES, {"window": None}),
    (NOUGHT, {"nothing": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
