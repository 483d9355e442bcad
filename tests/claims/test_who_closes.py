"""The claims of who_closes on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.who_closes import CALL, EXIT, FIRST, INTERRUPT, KILL, PORTS
from tests.claims.ladders import OPENING, OTHER, OWN, Table, talk
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("who_closes").claims}
ENDED, SAME, WAITS = CLAIMS
FOUR = ("{first} FA 1 ack 1", "{second} A 1 ack 2", "{second} FA 1 ack 2", "{first} A 2 ack 2")
RESET = ("{first} RA 1 ack 1",)
STATES = ("ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: by port what went over the wire, who was first, who waits."""
    it: dict[str, Any] = {
        "rungs": {}, "first": {}, "waits": {}, "exit": (0, None), "interrupt": (None, "SIGINT"),
        "kill": (None, "SIGKILL"), "programs": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="who_closes")
    tables = {host: Table(w, host) for host in w.hosts}
    for number, port in enumerate(PORTS):
        first = it["first"].get(port, FIRST[port])
        rungs = (rung.format(first=first, second=OTHER[first]) for rung in it["rungs"].get(port, FOUR))
        talk(w, port, 1 + number, *OPENING, *rungs)
        for host in it["waits"].get(port, [first]):
            tables[host].passes(1 + number, *((OWN, port) if host == "client" else (port, OWN)), *STATES)
        for host in w.hosts:
            if host not in it["waits"].get(port, [first]):
                tables[host].passes(1.5 + number, *((OWN, port) if host == "client" else (port, OWN)), "LAST_ACK", None)
    for port, how, host in (EXIT, "exit", "server"), (INTERRUPT, "interrupt", "client"), (KILL, "kill", "server"):
        if it["programs"]:
            status, signal = it[how]
            w.program(host, 0.5, how, str(port), number=port, exits=9, status=status, signal=signal)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (ENDED, {"exit": (1, None)}),
    (ENDED, {"interrupt": (0, None)}),
    (ENDED, {"kill": (None, "SIGTERM")}),
    (SAME, {"rungs": {KILL: ("{first} FA 1 ack 1", "{second} FA 1 ack 2", "{first} A 2 ack 2")}}),
    (SAME, {"rungs": {EXIT: (*FOUR, "{second} RA 2 ack 2")}}),
    (WAITS, {"first": {CALL: "server"}}),
    (WAITS, {"waits": {INTERRUPT: ["server"]}}),
    (WAITS, {"waits": {KILL: []}}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (ENDED, {"programs": False}),
    (SAME, {"rungs": {KILL: RESET}}),
    (WAITS, {"rungs": {CALL: RESET}}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
