"""The claims of states on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.states import AT_ONCE, BOTH, CLIENT, PORT, SERVER
from tests.claims.ladders import OPENING, Table, talk
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("states").claims}
TEN, CLOSED, EDGES = CLAIMS
OWN, OTHER = 40001, 40002
CLOSE, TIME_WAIT = 7, 6  # as TCP_INFO tells them


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is what is missing."""
    it: dict[str, Any] = {
        "client": CLIENT, "server": (*SERVER, None), "at_once": AT_ONCE, "listens": True, "before": CLOSE,
        "after": CLOSE, "asked_before": 0.2, "asked_after": 1.5, "opened": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="states")
    client, server = Table(w, "client"), Table(w, "server")
    if it["listens"]:
        server.show(0.1, "LISTEN", PORT)
        server.show(0.12, "LISTEN", BOTH)
    for host, told, t in ("client", it["before"], it["asked_before"]), ("server", it["after"], it["asked_after"]):
        if told is not None:
            w.call(host, t, "getsockopt", "IPPROTO_TCP", "TCP_INFO", value=told)
    if it["opened"]:
        talk(w, PORT, 0.3, *OPENING, own=OWN)
        talk(w, BOTH, 2.0, *OPENING, own=OTHER)
    client.passes(0.4, OWN, PORT, *it["client"], every=0.1)
    server.passes(0.4, PORT, OWN, *it["server"], every=0.1)
    for table, ports in (client, (OTHER, BOTH)), (server, (BOTH, OTHER)):
        table.passes(2.1, *ports, "ESTABLISHED", *it["at_once"], every=0.1)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (TEN, {"client": ("SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "TIME_WAIT")}),
    (TEN, {"client": CLIENT[1:]}),
    (TEN, {"server": ("ESTABLISHED", "CLOSE_WAIT", "LAST_ACK")}),
    (TEN, {"server": (*SERVER[:3], None)}),
    (TEN, {"at_once": ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")}),
    (CLOSED, {"before": 2}),
    (CLOSED, {"after": TIME_WAIT}),
    (CLOSED, {"asked_before": 0.45}),  # it is in the table by then
    (CLOSED, {"asked_after": 0.75}),  # it still is
    (CLOSED, {"server": SERVER}),
    (EDGES, {"server": ("SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "TIME_WAIT")}),
    (EDGES, {"server": ("SYN_RECV", "ESTABLISHED", "LAST_ACK", None)}),
    (EDGES, {"client": (*CLIENT[:3], "LAST_ACK")}),
    (EDGES, {"at_once": ("FIN_WAIT_2", "CLOSING", "TIME_WAIT")}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (TEN, {"listens": False}),
    (TEN, {"opened": False}),
    (TEN, {"client": ()}),
    (CLOSED, {"before": None}),
    (CLOSED, {"after": None}),
    (CLOSED, {"server": ()}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
