"""The claims of broken_pipe on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.broken_pipe import CLOSED, PROGRAM, RESET, TOLD
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("broken_pipe").claims}
FIRST, SECOND, AFTER_RST, SIGPIPE = CLAIMS
OWN = 40001  # the client's port
SENT, BROKEN, DENIED = "sent 15", "the connection is broken", "send: EPIPE"
Gave = tuple[tuple[str, Any], ...]  # calls in order, each with its errno, or with what it gave instead


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is what is missing."""
    it: dict[str, Any] = {
        "answer": ("R", 2), "closed": (("send", 5), ("send", "EPIPE"), ("recv", b"")),
        "reset": (("send", "ECONNRESET"), ("send", "EPIPE"), ("recv", b"")),
        "told": (("recv", "ECONNRESET"), ("send", "EPIPE")),
        "dies": (BROKEN, "SIGPIPE", None), "lives": (DENIED, None, 1),
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="broken_pipe")
    client, server = {"sport": OWN, "dport": CLOSED}, {"sport": CLOSED, "dport": OWN}
    w.segment("client", "server", 1, "S", seq=100, **client)
    w.segment("server", "client", 1.001, "SA", seq=500, ack=101, **server)
    w.segment("client", "server", 1.002, "A", seq=101, ack=501, **client)
    w.segment("server", "client", 1.1, "FA", seq=501, ack=101, **server)
    w.segment("client", "server", 1.2, "PA", seq=101, ack=502, data=b"first", **client)
    if it["answer"]:
        flags, number = it["answer"]
        w.segment("server", "client", 1.3, flags, seq=500 + number, **server)
    gave: dict[int, Gave] = {CLOSED: it["closed"], RESET: it["reset"], TOLD: it["told"]}
    for port, results in gave.items():
        w.call("client", 1, "connect", ["10.0.0.2", port], socket=port)
        for t, (call, result) in enumerate(results, 2):
            failed = isinstance(result, str)
            what = {"errno": result} if failed else {"value": result}
            w.call("client", t, call, b"first" if call == "send" else 65536, socket=port, **what)
    for number, name in enumerate(("dies", "lives"), 1):
        if it[name]:
            last, signal, status = it[name]
            out, end = f"{SENT}\n{last}\n", {"signal": signal, "status": status}
            w.program("client", 9 + number, "write_on", str(PROGRAM), number=number, exits=9.5 + number, out=out, **end)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (FIRST, {"closed": (("send", "EPIPE"), ("send", "EPIPE"), ("recv", b""))}),
    (FIRST, {"answer": ("R", 1)}),
    (SECOND, {"closed": (("send", 5), ("send", "ECONNRESET"), ("recv", b""))}),
    (SECOND, {"closed": (("send", 5), ("send", 6), ("recv", b""))}),
    (SECOND, {"closed": (("send", 5), ("send", "EPIPE"), ("recv", "ECONNRESET"))}),
    (AFTER_RST, {"reset": (("send", 5), ("send", "EPIPE"), ("recv", b""))}),
    (AFTER_RST, {"reset": (("send", "ECONNRESET"), ("send", "ECONNRESET"), ("recv", b""))}),
    (AFTER_RST, {"told": (("recv", "ECONNRESET"), ("send", "ECONNRESET"))}),  # told twice
    (SIGPIPE, {"dies": (DENIED, None, 1)}),
    (SIGPIPE, {"dies": (SENT, "SIGPIPE", None)}),  # at the first write
    (SIGPIPE, {"lives": (BROKEN, "SIGPIPE", None)}),
    (SIGPIPE, {"lives": ("sent 9", None, 0)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (FIRST, {"answer": None}),
    (FIRST, {"closed": ()}),
    (SECOND, {"closed": ()}),
    (AFTER_RST, {"reset": ()}),
    (AFTER_RST, {"told": ()}),
    (SIGPIPE, {"dies": None}),
    (SIGPIPE, {"lives": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
