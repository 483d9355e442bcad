"""The claims of third_segment on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.third_segment import OLD, PORT
from tests.claims.ladders import OPENING, OWN, Table, talk
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("third_segment").claims}
AGAIN, UNTIL, OLD_SYN = CLAIMS
ANSWERED = ("client S 0", "server SA 0 ack 1", "client R 1")


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: the answer comes again at ``again``, the third arrives at 2 s."""
    it: dict[str, Any] = {
        "again": 1.05, "opened": True,
        "acknowledged": True, "client": "ESTABLISHED", "left": 2.01, "look": 1.9,
        "states": ("SYN_RECV", "ESTABLISHED"), "third": True, "old": ANSWERED, "old_states": ("SYN_RECV", None),
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="third_segment")
    syn, answer, third = OPENING
    talk(w, PORT, 0.0, *([syn, answer] if it["opened"] else []))
    talk(w, PORT, 0.002, *([third] if it["third"] else []), delivered=2.0)
    if it["again"] is not None:
        talk(w, PORT, 0.001 + it["again"], answer)
    if it["acknowledged"]:
        talk(w, PORT, 1.2, third, delivered=2.0)
    talk(w, OLD, 3.0, *it["old"])
    client, server = Table(w, "client"), Table(w, "server")
    client.passes(0.01, OWN, PORT, "SYN_SENT", it["client"])
    before, *after = it["states"]
    server.show(0.01, before, PORT, OWN)
    for state in after:
        server.show(it["left"], state, PORT, OWN, prev=it["look"])
    server.passes(3.1, OLD, OWN, *it["old_states"])
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (AGAIN, {"again": 0.9}),
    (AGAIN, {"again": 2.1}),
    (AGAIN, {"acknowledged": False}),
    (AGAIN, {"again": None}),
    (UNTIL, {"left": 1.99, "look": 1.98}),
    (UNTIL, {"look": 0.5}),
    (UNTIL, {"states": ("SYN_RECV", "CLOSE_WAIT")}),
    (OLD_SYN, {"old": OPENING}),
    (OLD_SYN, {"old_states": ("SYN_RECV", "ESTABLISHED")}),
    (OLD_SYN, {"old_states": ("SYN_RECV",)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (AGAIN, {"opened": False, "again": None, "third": False, "acknowledged": False}),
    (UNTIL, {"again": None, "third": False, "acknowledged": False}),
    (UNTIL, {"client": None}),
    (UNTIL, {"states": ("ESTABLISHED",)}),
    (OLD_SYN, {"old": ()}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
