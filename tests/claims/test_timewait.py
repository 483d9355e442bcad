"""The claims of TIME_WAIT on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.timewait import ECHO, GREETER
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("timewait").claims}
FIRST, MINUTE, OTHER_SIDE, RESTARTS = CLAIMS
READER, ASKER, AGAIN = 40001, 40002, 40003  # the client's ports


def connection(w: Written, t: float, port: int, own: int, closes: tuple[str, ...]) -> None:
    """A connection, and each side's FIN in turn."""
    ends = {"client": {"sport": own, "dport": port}, "server": {"sport": port, "dport": own}}
    w.segment("client", "server", t, "S", seq=100, **ends["client"])
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **ends["server"])
    w.segment("client", "server", t + 0.002, "A", seq=101, ack=501, **ends["client"])
    for number, side in enumerate(closes):
        seq, other = (101, "server") if side == "client" else (501, "client")
        w.segment(side, other, t + 0.01 + number * 0.01, "FA", seq=seq, ack=602 - seq + number, **ends[side])


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: hosts, times in seconds, or None for what is missing."""
    it: dict[str, Any] = {
        "greeter_closes": ("server", "client"), "echo_closes": ("client", "server"), "server_waits": 61.3,
        "client_waits": 61.4, "late_look": 0.02, "reader_waits": False, "echo_waits": False,
        "ready": 2.5, "again_from": AGAIN, "hz": 250,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="timewait", hz=it["hz"])
    connection(w, 1.0, GREETER, READER, it["greeter_closes"])
    connection(w, 2.0, ECHO, ASKER, it["echo_closes"])
    w.program("server", 1.9, "echo_serial", str(ECHO), exits=2.1)
    if it["ready"]:
        w.program("server", it["ready"], "echo_serial", str(ECHO), number=2, exits=it["ready"] + 0.5)
        connection(w, it["ready"] + 0.1, ECHO, it["again_from"], it["echo_closes"])
    w.sample("server", 0.5, [])
    on_server = [sock("TIME_WAIT", GREETER, READER)] if it["server_waits"] else []
    w.sample("server", 1.03, on_server)
    if it["echo_waits"]:
        w.sample("server", 2.03, [*on_server, sock("TIME_WAIT", ECHO, ASKER)])
    if it["server_waits"]:
        ends = 1.02 + it["server_waits"]
        w.sample("server", ends + it["late_look"], [], prev=ends - 0.01)
    on_client = [("10.0.0.3", ASKER, ECHO)] if it["client_waits"] else []
    on_client += [("10.0.0.3", READER, GREETER)] if it["reader_waits"] else []
    w.sample("client", 0.5, [])
    w.sample("client", 2.03, [sock("TIME_WAIT", own, port, host, "10.0.0.2") for host, own, port in on_client])
    w.sample("client", 2.03 + (it["client_waits"] or 1.0), [])
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
    (FIRST, {"greeter_closes": ("client", "server")}),
    (FIRST, {"echo_closes": ("server", "client")}),
    (MINUTE, {"server_waits": 30.0}),
    (MINUTE, {"server_waits": 59.0}),
    (MINUTE, {"server_waits": 65.0}),
    (MINUTE, {"server_waits": 120.0}),
    (OTHER_SIDE, {"reader_waits": True}),
    (OTHER_SIDE, {"echo_waits": True}),
    (RESTARTS, {"ready": 70.0}),
    (RESTARTS, {"again_from": ASKER}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (FIRST, {"greeter_closes": ()}),
    (FIRST, {"server_waits": None}),
    (FIRST, {"client_waits": None}),
    (MINUTE, {"server_waits": None}),
    (MINUTE, {"server_waits": 60.0, "late_look": 3.5}),
    (OTHER_SIDE, {"greeter_closes": ("server",)}),
    (OTHER_SIDE, {"echo_closes": ("client",)}),
    (RESTARTS, {"ready": None}),
    (RESTARTS, {"client_waits": None}),
    (RESTARTS, {"echo_closes": ("client",)}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize(("hz", "latest"), [(100, 65.12), (250, 62.048), (1000, 64.096)])
def test_how_late_it_may_be_depends_on_the_kernels_ticks(hz: int, latest: float) -> None:
    assert outcome(MINUTE, run(hz=hz, server_waits=latest - 0.1)) is HOLDS
    assert outcome(MINUTE, run(hz=hz, server_waits=latest + 2)) is FAILS
