"""The claims about mistakes with children on evidence written by hand: right, wrong in one thing, things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.mistakes_with_children import CLIENTS, EINTR, OPEN, PROGRAMS, RIGHT, ZOMBIES
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("mistakes_with_children").claims}
KEEPS, UNREAPED, INTERRUPTED = CLAIMS


def visit(w: Written, port: int, own: int, t: float, closed: float | None) -> None:
    """One client that comes and closes; the server closes ``closed`` seconds later, or never."""
    ports = {"sport": own, "dport": port}, {"sport": port, "dport": own}
    w.segment("client", "server", t, "S", seq=100, **ports[0])
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **ports[1])
    w.segment("client", "server", t + 0.1, "FA", seq=101, ack=501, **ports[0])
    if closed is not None:
        w.segment("server", "client", t + 0.1 + closed, "FA", seq=501, ack=102, **ports[1])


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: times in seconds, counts, or None for what is missing."""
    it: dict[str, Any] = {
        "soon": 0.001, "late": 3.0, "kept": CLIENTS, "alone": 1, "reaped": 0, "zombies": CLIENTS, "looked": True,
        "ended": 1.2, "status": 1, "said": "accept: EINTR\n", "refused": "ECONNREFUSED", "right": (0, "SIGINT"),
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="mistakes_with_children")
    for number in range(CLIENTS):
        t = 1.0 + number / 2
        visit(w, RIGHT, 40001 + number, t, it["soon"])
        visit(w, OPEN, 40101 + number, t, it["late"])
        w.call("client", t, "connect", ["10.0.0.2", EINTR], errno=it["refused"] if number else None)
    visit(w, EINTR, 40201, 1.0, 0.001)
    w.sample("server", 2.5, [sock("CLOSE_WAIT", OPEN, 40101 + number) for number in range(it["kept"])])
    states = {RIGHT: "S" + "Z" * it["reaped"], OPEN: "S" * it["alone"], ZOMBIES: "S" + "Z" * it["zombies"]}
    if it["looked"]:
        entries = [(port - RIGHT + 1, state) for port, each in states.items() for state in each]
        listed = [{"pid": 9, "ppid": 1, "state": state, "program": n, "name": "p"} for n, state in entries]
        w.record("processes", 4.5, host="server", processes=listed)
    for port in (RIGHT, OPEN, ZOMBIES):
        status, signal = it["right"]
        if signal:
            w.record("program", 4.8, host="server", program=port - RIGHT + 1, event="signal", signal=signal)
        w.program("server", 0.5, PROGRAMS[port], str(port), number=port - RIGHT + 1, exits=4.9, status=status)
    if it["ended"]:
        end = {"exits": it["ended"], "status": it["status"], "out": it["said"]}
        w.program("server", 0.5, PROGRAMS[EINTR], str(EINTR), number=4, **end)
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
    (KEEPS, {"soon": 2.5}),
    (KEEPS, {"late": 0.001}),
    (KEEPS, {"alone": 2}),
    (KEEPS, {"kept": CLIENTS - 1}),
    (UNREAPED, {"reaped": 1}),
    (UNREAPED, {"zombies": 0}),
    (INTERRUPTED, {"ended": 1.05}),
    (INTERRUPTED, {"status": 0}),
    (INTERRUPTED, {"said": "accept: EMFILE\n"}),
    (INTERRUPTED, {"refused": None}),
    (INTERRUPTED, {"right": (1, None)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (KEEPS, {"soon": None}),
    (KEEPS, {"late": None}),
    (KEEPS, {"kept": 0}),
    (KEEPS, {"looked": False}),
    (UNREAPED, {"looked": False}),
    (INTERRUPTED, {"ended": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
