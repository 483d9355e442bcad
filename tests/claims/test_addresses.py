"""The claims of addresses on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.addresses import EVERYWHERE, GREETING, INSIDE, LOOPBACK, OTHER_LOOPBACK, OUTSIDE
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("addresses").claims}
ANYWHERE = "a_server_on_0_0_0_0_is_reached_at_every_address_of_its_host"
ONE = "bound_to_one_address_it_is_reached_at_no_other"
FOREIGN = "an_address_of_another_host_cannot_be_bound"
SAME_PORT = "each_connected_socket_has_the_port_of_the_listening_one"
SERVER, CLIENT, ALL = "10.0.0.2", "10.0.0.3", "0.0.0.0"
WAYS = {  # by port: who asks for which address, and what connect gives
    EVERYWHERE: [("client", SERVER, None), *(("server", to, None) for to in (SERVER, LOOPBACK, OTHER_LOOPBACK))],
    INSIDE: [("client", SERVER, "ECONNREFUSED"), ("server", SERVER, "ECONNREFUSED"), ("server", LOOPBACK, None)],
    OUTSIDE: [("client", SERVER, None), ("server", SERVER, None), ("server", LOOPBACK, "ECONNREFUSED")],
}


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None for what is missing."""
    it: dict[str, Any] = {
        "ways": WAYS, "greeted": [GREETING] * 4, "bind": "EADDRNOTAVAIL", "bound": True, "listens": [ALL],
        "ports": [EVERYWHERE] * 4, "ends": 4,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="addresses")
    for port, ways in it["ways"].items():
        for host, address, errno in ways:
            w.call(host, 1, "connect", [address, port], errno=errno)
    for greeting in it["greeted"]:
        w.call("client", 2, "recv", 65536, value=greeting)
    if it["bound"]:
        w.call("server", 3, "bind", [LOOPBACK, INSIDE])
        w.call("server", 3, "bind", [CLIENT, 0], errno=it["bind"])
    table = [sock("LISTEN", EVERYWHERE, 0, at, ALL, inode=9) for at in it["listens"]]
    visitors = [(CLIENT, SERVER), (SERVER, SERVER), (LOOPBACK, LOOPBACK), (LOOPBACK, OTHER_LOOPBACK)]
    for n, ((own, address), port) in enumerate(zip(visitors, it["ports"], strict=True)):
        there = sock("ESTABLISHED", 40000 + n, EVERYWHERE, own, address)
        if own == CLIENT:
            w.sample("client", 1.5, [there])
        else:
            table.append(there)
        if n < it["ends"]:
            table.append(sock("ESTABLISHED", port, 40000 + n, address, own))
    w.sample("server", 1.5, table)
    w.sample("server", 2.5, [])
    return w.evidence()


def but(port: int, number: int, errno: str | None) -> dict[str, Any]:
    """All as it should be, but for what one connect gave."""
    ways = [*WAYS[port]]
    ways[number] = (*ways[number][:2], errno)
    return {"ways": {**WAYS, port: ways}}


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    *((ANYWHERE, but(EVERYWHERE, n, "ECONNREFUSED")) for n in range(4)),
    (ANYWHERE, {"greeted": [GREETING] * 3}),
    (ANYWHERE, {"greeted": [GREETING] * 3 + [b""]}),
    (ONE, but(INSIDE, 0, None)),
    (ONE, but(INSIDE, 1, None)),
    (ONE, but(INSIDE, 2, "ECONNREFUSED")),
    (ONE, but(OUTSIDE, 0, "ECONNREFUSED")),
    (ONE, but(OUTSIDE, 2, None)),
    (FOREIGN, {"bind": None}),
    (FOREIGN, {"bind": "EACCES"}),
    (SAME_PORT, {"ports": [EVERYWHERE, EVERYWHERE, 50000, EVERYWHERE]}),
    (SAME_PORT, {"listens": [SERVER]}),
    (SAME_PORT, {"ends": 3}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (ANYWHERE, {"ways": {INSIDE: WAYS[INSIDE]}}),
    (ANYWHERE, {"greeted": []}),
    (ONE, {"ways": {EVERYWHERE: WAYS[EVERYWHERE], INSIDE: WAYS[INSIDE]}}),
    (FOREIGN, {"bound": False}),
    (SAME_PORT, {"listens": []}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
