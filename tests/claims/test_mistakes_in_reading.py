"""The claims about mistakes in reading on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.mistakes_in_reading import ONE_READ, PAST_END, PIECES, RIGHT, STRLEN, TEXT
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("mistakes_in_reading").claims}
STOPS, FIRST, READS_ON = CLAIMS


def visit(w: Written, port: int, own: int, t: float, answer: bytes, closed: float | None, reset: bool = False) -> None:
    """One client that asks and closes; the server answers, and closes ``closed`` seconds later, or never."""
    ports = {"sport": own, "dport": port}, {"sport": port, "dport": own}
    w.segment("client", "server", t, "S", seq=100, **ports[0])
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **ports[1])
    w.segment("client", "server", t + 0.002, "PA", seq=101, ack=501, data=b"asked", **ports[0])
    if answer:
        w.segment("server", "client", t + 0.003, "PA", seq=501, ack=106, data=answer, **ports[1])
    if reset:
        w.segment("server", "client", t + 0.004, "R", seq=501 + len(answer), **ports[1])
    w.segment("client", "server", t + 0.1, "FA", seq=106, ack=501 + len(answer), **ports[0])
    if closed is not None:
        w.segment("server", "client", t + 0.1 + closed, "FA", seq=501 + len(answer), ack=107, **ports[1])


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: what the servers answered, when they closed, or None."""
    it: dict[str, Any] = {
        "text": TEXT, "cut": b"before", "whole": b"".join(PIECES), "piece": PIECES[0], "reset": True,
        "soon": 0.001, "late": 3.2, "said": "empty 1000\n",
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="mistakes_in_reading")
    visit(w, RIGHT, 40001, 1.0, it["text"], 0.001)
    visit(w, STRLEN, 40002, 1.2, it["cut"], 0.001)
    visit(w, RIGHT, 40003, 1.4, it["whole"], 0.001)
    visit(w, ONE_READ, 40004, 1.6, it["piece"], None, reset=it["reset"])
    visit(w, RIGHT, 40005, 1.8, b"bye", it["soon"])
    visit(w, PAST_END, 40006, 2.0, b"bye", it["late"])
    w.program("server", 0.5, "echo_past_end", str(PAST_END), exits=5.3, signal="SIGKILL", out=it["said"])
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
    (STOPS, {"cut": TEXT}),
    (STOPS, {"text": b"before"}),
    (FIRST, {"piece": b"".join(PIECES)}),
    (FIRST, {"whole": PIECES[0]}),
    (READS_ON, {"late": 0.001}),
    (READS_ON, {"soon": 3.2}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (STOPS, {"text": b""}),
    (STOPS, {"cut": b""}),
    (FIRST, {"piece": b""}),
    (FIRST, {"reset": False}),
    (READS_ON, {"late": None}),
    (READS_ON, {"soon": None}),
    (READS_ON, {"said": ""}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
