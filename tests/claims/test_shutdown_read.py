"""The claims of shutdown_read on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.shutdown_read import BOTH, HALF
from tests.claims.ladders import OPENING, talk
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("shutdown_read").claims}
SILENT, THERE, LATER, RESET = CLAIMS
BEFORE = ("server PA 1 ack 1: before", "client A 1 ack 7")
AFTER = ("server PA 7 ack 1: after", "client A 1 ack 12")
CLOSED = ("client FA 1 ack 7", "server A 7 ack 2")
REFUSED = ("server PA 7 ack 2: after", "client R 2")


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; SHUT_RD at 1 s, SHUT_RDWR at 4 s, each followed by reading."""
    it: dict[str, Any] = {
        "half": (), "half_read": (b"before", b"", b"after", b""), "after": AFTER, "both": CLOSED, "refused": REFUSED,
        "both_read": (b"before", b"", "ECONNRESET", b""), "notes": True, "whole": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="shutdown_read")
    w.dropped = 0 if it["whole"] else 3
    for t, how in (1, "SHUT_RD"), (4, "SHUT_RDWR"):
        if it["notes"]:
            w.note(t, how)
            w.note(t + 1, "reading")
    talk(w, HALF, 0.1, *OPENING, *BEFORE)
    talk(w, HALF, 1.1, *it["half"])
    talk(w, HALF, 2.1, *it["after"])
    talk(w, BOTH, 3.1, *OPENING, *BEFORE)
    talk(w, BOTH, 4.1, *it["both"])
    talk(w, BOTH, 5.1, *it["refused"])
    for number, (port, read) in enumerate(((HALF, it["half_read"]), (BOTH, it["both_read"])), 7):
        w.call("client", number, "connect", ["10.0.0.2", port], socket=number)
        for place, value in enumerate(read, 1):
            gave = {"errno": value} if isinstance(value, str) else {"value": value}
            w.call("client", number + place / 10, "recv", 65536, socket=number, **gave)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (SILENT, {"half": ("client A 1 ack 7",)}),
    (SILENT, {"half": ("client FA 1 ack 7",)}),
    (SILENT, {"both": ("client RA 1 ack 7",)}),
    (THERE, {"half_read": (b"", b"", b"after", b"")}),  # thrown away, as the text has it
    (THERE, {"half_read": (b"before", b"after")}),
    (THERE, {"after": (*AFTER, "server FA 12 ack 1")}),
    (LATER, {"half_read": (b"before", b"", b"")}),
    (LATER, {"after": ("server PA 7 ack 1: after", "client A 1 ack 7")}),
    (RESET, {"both_read": (b"", b"", "ECONNRESET", b"")}),
    (RESET, {"both_read": (b"before", b"", b"after", b"")}),
    (RESET, {"refused": ("server PA 7 ack 2: after", "client A 2 ack 12")}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (SILENT, {"notes": False}),
    (SILENT, {"whole": False}),
    (THERE, {"half_read": ()}),
    (THERE, {"whole": False}),
    (LATER, {"half_read": (b"before", b"")}),
    (RESET, {"both": (), "refused": ()}),
    (RESET, {"both_read": ()}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
