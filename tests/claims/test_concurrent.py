"""The claims of the concurrent servers on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.concurrent import CLIENTS, SERIAL, SIDE_BY_SIDE
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("concurrent").claims}
WAITS, TOGETHER, ZOMBIES, OUTLIVES = CLAIMS
FIRST, SECOND = 40001, 40002


def visit(w: Written, port: int, own: int, came: float, answered: float | None, left: float | None) -> None:
    """One client's connection: it asks at once; without a time it is never answered, or never leaves."""
    ports = {"sport": own, "dport": port}, {"sport": port, "dport": own}
    w.segment("client", "server", came, "S", seq=100, **ports[0])
    w.segment("server", "client", came + 0.0001, "SA", seq=500, ack=101, **ports[1])
    w.segment("client", "server", came + 0.0003, "PA", seq=101, ack=501, data=b"me too", **ports[0])
    if answered is not None:
        w.segment("server", "client", answered, "PA", seq=501, ack=107, data=b"me too", **ports[1])
    if left is not None:
        w.segment("client", "server", left, "FA", seq=107, ack=507, **ports[0])


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: times in seconds, counts, or None for what is missing."""
    it: dict[str, Any] = {
        "asked": 0.5, "answered": 1.6, "first_left": 1.5, "queued": 6, "accepted": False, "answer": b"me too",
        "slow": 0.7, "left": 0.9, "verified": 0, "accepts": CLIENTS, "states": ("S",), "last": 0,
        "told": "SIGTERM", "status": 0, "visitors": CLIENTS,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="concurrent")
    visit(w, SERIAL, FIRST, 0.1, 0.2, it["first_left"])
    w.sample("server", 0.15, [sock("ESTABLISHED", SERIAL, FIRST, rqueue=13)])  # accepted a moment later
    if it["asked"]:
        visit(w, SERIAL, SECOND, 0.4, None, None)
        took = it["answered"] - it["asked"]
        w.call("client", it["asked"], "recv", 6, took=took, value=it["answer"])
    inode = 77 if it["accepted"] else 0
    for t, queued in ((0.4, 0), (0.6, it["queued"])):
        w.sample("server", t, [sock("ESTABLISHED", SERIAL, SECOND, rqueue=queued, inode=inode)])
    w.sample("server", 1.7, [sock("ESTABLISHED", SERIAL, SECOND, inode=77)])
    w.sample("server", 1.9, [sock("LAST_ACK", SERIAL, SECOND, wqueue=1)])
    for number, (name, port) in enumerate((("echo_serial", SERIAL), *SIDE_BY_SIDE.items()), 1):
        began = 2.0 * number
        told = {"host": "server", "program": number, "event": "signal", "signal": it["told"]}
        if it["told"]:
            w.record("program", began + 1.8, **told)
        out = "accepted 10.0.0.3 41000\n" * it["accepts"]
        w.program("server", began - 1.99, name, number=number, exits=began + 1.9, status=it["status"], out=out)
        if name == "echo_serial":
            continue
        for own in range(it["visitors"]):
            first = own == 0
            answered = it["slow"] if first else 0.6
            visit(w, port, 41000 + own, began + 0.5, answered and began + answered, it["left"] and began + it["left"])
        if it["verified"] is not None:
            status, ends = it["verified"], began + 1.0
            w.program("client", began + 0.4, "many_connections", number=10 + number, exits=ends, status=status)
        if it["states"]:
            w.processes("server", began + 1.1, *it["states"])
    for number in range(5):
        w.program("client", 9.0, "send_and_verify", number=30 + number, exits=9.5, status=it["last"])
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.fixture(scope="module")
def right() -> Evidence:
    return run()


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str, right: Evidence) -> None:
    assert outcome(name, right) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (WAITS, {"answered": 0.7}),
    (WAITS, {"queued": 5}),
    (WAITS, {"answer": b"me t"}),
    (TOGETHER, {"slow": 1.0}),
    (TOGETHER, {"slow": None}),
    (TOGETHER, {"visitors": CLIENTS - 1}),
    (TOGETHER, {"verified": 3}),
    (ZOMBIES, {"states": ("S", "Z")}),
    (ZOMBIES, {"states": ("S", "S")}),
    (ZOMBIES, {"accepts": 49}),
    (OUTLIVES, {"last": 1}),
    (OUTLIVES, {"told": "SIGKILL"}),
    (OUTLIVES, {"told": None}),
    (OUTLIVES, {"status": 1}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (WAITS, {"asked": None}),
    (WAITS, {"asked": 1.55}),
    (WAITS, {"first_left": None}),
    (WAITS, {"accepted": True}),
    (TOGETHER, {"left": None}),
    (TOGETHER, {"verified": None}),
    (ZOMBIES, {"states": None}),
    (ZOMBIES, {"accepts": 0}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
