"""The claims of port_exhaustion on evidence written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Sequence
from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.port_exhaustion import ONE, OTHER, PORTS
from tests.claims.silent import CLIENT, SERVER
from tests.claims.tables import Tables
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("port_exhaustion").claims}
NO_PORT = "connect_fails_when_every_port_is_open_or_waits_and_sends_nothing"
BIND = "address_already_in_use_is_what_bind_says"
ELSEWHERE = "toward_another_destination_the_same_ports_are_free"
RATE = "so_many_connections_a_minute_can_be_kept_up"
GOOD: list[str | None] = [None] * len(PORTS)
NONE_LEFT = "EADDRNOTAVAIL"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named."""
    it: dict[str, Any] = {
        "first": [*GOOD, NONE_LEFT, NONE_LEFT], "other": [*GOOD, NONE_LEFT], "second": [*GOOD, NONE_LEFT],
        "ports": [*PORTS], "sends_in_vain": False, "bind": "EADDRINUSE", "waits": 61.0, "begins_again": 63.0,
        "side_by_side": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="port_exhaustion")
    tables = Tables(w)
    connects(w, 1.0, ONE, it["first"], it["ports"])
    connects(w, 1.5, OTHER, it["other"], it["ports"])
    connects(w, it["begins_again"], ONE, it["second"], it["ports"])
    if it["sends_in_vain"]:
        w.segment("client", "server", 1.4, "S", seq=7, sport=PORTS[0], dport=ONE)
    if it["bind"]:
        w.call("client", 1.4, "bind", ["0.0.0.0", PORTS[0]], errno=it["bind"])
    for port in PORTS:
        wait = sock("TIME_WAIT", port, ONE, CLIENT, SERVER)
        tables.add("client", wait, since=1.3, until=None if it["waits"] is None else 1.3 + it["waits"])
        if it["side_by_side"]:
            tables.add("client", sock("ESTABLISHED", port, OTHER, CLIENT, SERVER), since=1.6)
    tables.write()
    return w.evidence()


def connects(w: Written, t: float, to: int, errors: Sequence[str | None], ports: Sequence[int]) -> None:
    """One connect after the other; each that gave no error had a port and sent a SYN."""
    taken = iter(ports)
    for number, errno in enumerate(errors):
        w.call("client", t + number / 100, "connect", [SERVER, to], errno=errno)
        port = next(taken, None) if errno is None else None
        if port:
            w.segment("client", "server", t + number / 100, "S", seq=round(100 * t) + number, sport=port, dport=to)


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (NO_PORT, {"first": [*GOOD, "EADDRINUSE", "EADDRINUSE"]}),
    (NO_PORT, {"first": [*GOOD[1:], NONE_LEFT, NONE_LEFT, NONE_LEFT]}),  # one too few
    (NO_PORT, {"first": [*GOOD, None, NONE_LEFT]}),
    (NO_PORT, {"first": [*GOOD, NONE_LEFT, None]}),  # one that waited was given again
    (NO_PORT, {"ports": [*PORTS[:-1], PORTS[0]]}),
    (NO_PORT, {"sends_in_vain": True}),
    (BIND, {"bind": "EADDRNOTAVAIL"}),
    (ELSEWHERE, {"other": [NONE_LEFT, *GOOD]}),
    (ELSEWHERE, {"other": [*GOOD, None]}),
    (ELSEWHERE, {"side_by_side": False}),
    (RATE, {"waits": 30.0}),
    (RATE, {"waits": 120.0}),
    (RATE, {"second": [NONE_LEFT, *GOOD]}),
    (RATE, {"begins_again": 60.5}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (NO_PORT, {"ports": []}),
    (BIND, {"bind": None}),
    (RATE, {"second": []}),
    (RATE, {"waits": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
