"""The claims of reset on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.reset import ABORT, ASKED, CLOSED, LAST, UNREAD
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("reset").claims}
REFUSED, ABORTED, READ_ON, NOT_READ, COUNTED = CLAIMS
OWN = 40001  # the client's port
WITH_ERROR = ((LAST, None), (None, "ECONNRESET"), (b"", None))
Received = tuple[tuple[bytes | None, str | None], ...]  # what recv gave, or its errno


def exchange(w: Written, t: float, port: int, by: str, data: bytes, end: tuple[str, int, int] | None) -> None:
    """A handshake, data from one side, and how the server ends it: flags, number and acknowledgment."""
    client, server = {"sport": OWN, "dport": port}, {"sport": port, "dport": OWN}
    w.segment("client", "server", t, "S", seq=100, **client)
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **server)
    w.segment("client", "server", t + 0.002, "A", seq=101, ack=501, **client)
    if by == "server":
        w.segment("server", "client", t + 0.01, "PA", seq=501, ack=101, data=data, **server)
        w.segment("client", "server", t + 0.02, "A", seq=101, ack=501 + len(data), **client)
    else:
        w.segment("client", "server", t + 0.01, "PA", seq=101, ack=501, data=data, **client)
        w.segment("server", "client", t + 0.02, "A", seq=501, ack=101 + len(data), **server)
    if end:
        w.segment("server", "client", t + 0.03, end[0], seq=500 + end[1], ack=100 + end[2], **server)


def calls(w: Written, t: float, port: int, socket: int, received: Received, errno: str | None = None) -> None:
    w.call("client", t, "connect", ["10.0.0.2", port], socket=socket, errno=errno)
    for number, (value, error) in enumerate(received, 1):
        w.call("client", t + number, "recv", 65536, value=value, errno=error, socket=socket)


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is what is missing."""
    it: dict[str, Any] = {
        "answer": ("RA", 0, 1), "connect": "ECONNREFUSED", "abort": ("RA", 1 + len(LAST), 1), "server_then": (),
        "client_then": (), "read": WITH_ERROR, "unread": ("RA", 1, 1 + len(ASKED)), "learns": ((None, "ECONNRESET"),),
        "counts": {"Tcp_OutRsts": 3, "TcpExt_TCPAbortOnClose": 1, "TcpExt_TCPAbortOnData": 1},
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="reset")
    w.segment("client", "server", 1, "S", seq=100, sport=OWN, dport=CLOSED)
    flags, number, ack = it["answer"]
    w.segment("server", "client", 1.001, flags, seq=number, ack=100 + ack, sport=CLOSED, dport=OWN)
    calls(w, 1, CLOSED, 1, (), it["connect"])
    exchange(w, 2, ABORT, "server", LAST, it["abort"])
    calls(w, 2, ABORT, 2, it["read"])
    exchange(w, 3, UNREAD, "client", ASKED, it["unread"])
    calls(w, 3, UNREAD, 3, it["learns"])
    ends = {"server": (ABORT, OWN), "client": (OWN, ABORT, "10.0.0.3", "10.0.0.2")}
    for host, then in ("server", it["server_then"]), ("client", it["client_then"]):
        w.sample(host, 1.9, [])
        for t, state in enumerate(("ESTABLISHED", *then) if then is not None else (), 2):
            w.sample(host, t + 0.02, [sock(state, *ends[host])])
        w.sample(host, 9, [])
    w.counters("server", 0, **dict.fromkeys(it["counts"], 7))
    w.counters("server", 10, **{name: 7 + count for name, count in it["counts"].items()})
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (REFUSED, {"answer": ("R", 0, 1)}),  # acknowledges nothing
    (REFUSED, {"answer": ("SA", 0, 1)}),
    (REFUSED, {"connect": "ETIMEDOUT"}),
    (ABORTED, {"abort": ("RA", 1, 1)}),
    (ABORTED, {"server_then": ("TIME_WAIT",)}),
    (ABORTED, {"client_then": ("CLOSE_WAIT",)}),
    (READ_ON, {"read": ((None, "ECONNRESET"), (b"", None), (b"", None))}),  # the data was thrown away
    (READ_ON, {"read": ((LAST, None), (None, "ECONNRESET"), (None, "ECONNRESET"))}),
    (NOT_READ, {"unread": ("RA", 1, 1)}),
    (NOT_READ, {"learns": ((b"", None),)}),
    (COUNTED, {"counts": {"Tcp_OutRsts": 2, "TcpExt_TCPAbortOnClose": 1, "TcpExt_TCPAbortOnData": 1}}),
    (COUNTED, {"counts": {"Tcp_OutRsts": 3, "TcpExt_TCPAbortOnClose": 0, "TcpExt_TCPAbortOnData": 1}}),
    (COUNTED, {"counts": {"Tcp_OutRsts": 3, "TcpExt_TCPAbortOnClose": 1, "TcpExt_TCPAbortOnData": 2}}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (ABORTED, {"abort": None}),
    (ABORTED, {"server_then": None}),
    (READ_ON, {"read": ()}),
    (NOT_READ, {"unread": ("FA", 1, 1)}),
    (NOT_READ, {"learns": ()}),
    (COUNTED, {"counts": {"Tcp_OutRsts": 3, "TcpExt_TCPAbortOnClose": 1}}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
