"""The claims of enough_ports on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.enough_ports import ECHO, FIRST, PORTS, REQUEST
from tests.claims.silent import CLIENT, SERVER
from tests.claims.tables import Tables
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("enough_ports").claims}
AT_ONCE = "where_the_server_closes_first_the_ports_are_free_at_once_and_the_server_waits"
ONE_FOR_ALL = "one_connection_takes_any_number_of_requests_and_one_port"
GOOD: list[str | None] = [None] * len(PORTS)


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named."""
    it: dict[str, Any] = {
        "errors": [*GOOD, None], "client_waits": False, "server_waits": len(PORTS), "answers": len(PORTS) + 1,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="enough_ports")
    for number, errno in enumerate(it["errors"]):
        w.call("client", 1.0 + number / 100, "connect", [SERVER, FIRST], errno=errno)
    tables = Tables(w)
    for port in PORTS[: it["server_waits"]]:
        tables.add("server", sock("TIME_WAIT", FIRST, port), since=1.3)
    tables.add("server", sock("LISTEN", FIRST, inode=5), since=0.1)
    state = "TIME_WAIT" if it["client_waits"] else "LAST_ACK"
    tables.add("client", sock(state, PORTS[0], FIRST, CLIENT, SERVER), since=1.2, until=1.3)
    tables.write()
    here, there = {"sport": 40001, "dport": ECHO}, {"sport": ECHO, "dport": 40001}
    w.segment("client", "server", 2.0, "S", seq=100, **here)
    w.segment("server", "client", 2.1, "SA", seq=500, ack=101, **there)
    w.segment("client", "server", 2.2, "A", seq=101, ack=501, **here)
    for number in range(it["answers"]):
        seq = 501 + number * len(REQUEST)
        w.segment("server", "client", 3.0 + number, "PA", seq=seq, ack=101, data=REQUEST, **there)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (AT_ONCE, {"errors": [*GOOD, "EADDRNOTAVAIL"]}),
    (AT_ONCE, {"client_waits": True}),
    (AT_ONCE, {"server_waits": 2}),
    (ONE_FOR_ALL, {"answers": len(PORTS)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


@pytest.mark.parametrize(("name", "missing"), [(AT_ONCE, {"errors": []}), (ONE_FOR_ALL, {"answers": 0})])
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
