"""The claims about mistakes in sending on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.mistakes_in_sending import LOST, MUCH, RIGHT, SHORT
from tests.claims.written import Written, ns

CLAIMS = {each.name: each for each in load("mistakes_in_sending").claims}
LOSES, WAITS = CLAIMS


def answer(w: Written, port: int, own: int, t: float, length: int, ended: bool) -> None:
    """One client's connection, with so many bytes of answer, and then a FIN or not."""
    ports = {"sport": own, "dport": port}, {"sport": port, "dport": own}
    w.segment("client", "server", t, "S", seq=100, **ports[0])
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **ports[1])
    for at in range(0, length, 1000):
        data = bytes(min(1000, length - at))
        w.segment("server", "client", t + 0.01 + at * 1e-6, "PA", seq=501 + at, ack=101, data=data, **ports[1])
    if ended:
        w.segment("server", "client", t + 0.2, "FA", seq=501 + length, ack=102, **ports[1])


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is something that is missing."""
    it: dict[str, Any] = {
        "back": len(MUCH), "short": 2920, "ended": True, "lost": 2, "status": 3, "killed": "SIGKILL", "until": 9.2,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="mistakes_in_sending")
    answer(w, RIGHT, 40001, 0.1, it["back"], it["ended"])
    answer(w, SHORT, 40002, 0.5, it["short"], it["ended"])
    for number in range(2):
        own = 41000 + number
        w.datagram("client", "server", 2.1 + number / 10, b"?", sport=own, dport=LOST)
        if it["lost"] is not None:
            w.datagram("server", "client", 2.15 + number / 10, b"?", sport=LOST, dport=own, lost=number < it["lost"])
    if it["until"]:
        w.program("client", 2.0, "ask_for_ever", number=1, exits=it["until"], status=None, signal=it["killed"])
        if it["killed"]:
            told = {"event": "signal", "signal": it["killed"]}
            w.records.append({"kind": "program", "t": ns(it["until"] - 0.01), "host": "client", "program": 1, **told})
    if it["status"] is not None:
        w.program("client", 2.0, "send_datagrams", number=2, exits=4.1, status=it["status"])
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
    (LOSES, {"short": len(MUCH)}),
    (LOSES, {"back": 2920}),
    (WAITS, {"lost": 1}),
    (WAITS, {"status": 0}),
    (WAITS, {"killed": None}),
    (WAITS, {"until": 8.9}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (LOSES, {"short": 0}),
    (LOSES, {"back": 0}),
    (LOSES, {"ended": False}),
    (WAITS, {"lost": None}),
    (WAITS, {"status": None}),
    (WAITS, {"until": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
