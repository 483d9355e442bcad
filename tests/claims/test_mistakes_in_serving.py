"""The claims about mistakes in serving on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.mistakes_in_serving import GREET, HELLO, LATE, ON, REUSE, ROOM, SLOTS, THREADS
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("mistakes_in_serving").claims}
FULL, HEAD, RESTART = CLAIMS


def visit(w: Written, port: int, own: int, t: float, answered: float | None, left: float | None, end: str = "") -> None:
    """One client that asks; answered and leaving so many seconds later, or never. The server may ``end`` it, too."""
    ports = {"sport": own, "dport": port}, {"sport": port, "dport": own}
    w.segment("client", "server", t, "S", seq=100, **ports[0])
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **ports[1])
    w.segment("client", "server", t + 0.002, "PA", seq=101, ack=501, data=HELLO, **ports[0])
    if answered is not None:
        w.segment("server", "client", t + answered, "PA", seq=501, ack=106, data=HELLO, **ports[1])
    if end:
        w.segment("server", "client", t + 0.02, end, seq=501, ack=106, **ports[1])
    if left is not None:
        w.segment("client", "server", t + left, "FA", seq=106, ack=506, **ports[0])


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: times in seconds, or None for what is missing."""
    it: dict[str, Any] = {
        "served": ROOM, "last": 0.01, "stay": 0.05, "end": "FA", "soon": 0.01, "late": 3.1,
        "said": "bind: EADDRINUSE\n", "waits": True, "again": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="mistakes_in_serving")
    for number in range(ROOM + 1):
        t, turned = 0.1 + number / 5, number >= it["served"]
        visit(w, THREADS, 40001 + number, t, 0.01 if number < ROOM else it["last"], 0.05)
        answered, end = (None, it["end"]) if turned else (0.01, "")
        visit(w, SLOTS, 40101 + number, t + 0.1, answered, it["stay"], end)
    for port, answered in (GREET, it["soon"]), (LATE, it["late"]):
        visit(w, port, 40201, 1.0, None, None)
        visit(w, port, 40202, 1.2, answered, None)
    left = [sock("TIME_WAIT", REUSE, 40301)] if it["waits"] else []
    for t in (5.0, 5.5):
        w.sample("server", t, left)
    if it["said"]:
        w.program("server", 5.2, "echo_reuseaddr_late", str(REUSE), ON, exits=5.3, status=1, out=it["said"])
    w.sample("server", 6.0, left + [sock("LISTEN", REUSE, inode=7)] * it["again"])
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("wrong", [{}, {"end": "R"}])
@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (FULL, {"served": ROOM + 1}),
    (FULL, {"served": ROOM - 1}),
    (FULL, {"last": None}),
    (FULL, {"stay": 2.0}),
    (FULL, {"stay": None}),
    (HEAD, {"soon": 3.1}),
    (HEAD, {"late": 0.01}),
    (RESTART, {"said": f"ready {REUSE}\n"}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (FULL, {"end": ""}),
    (HEAD, {"soon": None}),
    (HEAD, {"late": None}),
    (RESTART, {"said": None}),
    (RESTART, {"waits": False}),
    (RESTART, {"again": False}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
