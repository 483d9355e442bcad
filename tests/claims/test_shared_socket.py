"""The claims of shared_socket on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from lab.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from lab.evidence import Evidence
from lab.scenario import load
from scenarios.shared_socket import CLOSE, FORGET, QUIET, RIGHT, SHUTDOWN, WHILE
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("shared_socket").claims}
COUNTS, SHUT, FORGOTTEN, CLOSED = CLAIMS
OWN = 40001  # the client's port
CLOSES = ("child close", "parent alone", "parent send", "parent close")
SHUTS = ("child shutdown", "child send: EPIPE", "parent alone", "parent send: EPIPE")
Sent = tuple[float, str, int, int, bytes]  # by the server: when, flags, number, acknowledgment, data


def connection(w: Written, t: float, port: int, *sent: Sent) -> None:
    """A handshake at ``t``, what the server sent after it, and what its programs said."""
    client, server = {"sport": OWN, "dport": port}, {"sport": port, "dport": OWN}
    w.segment("client", "server", t, "S", seq=100, **client)
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **server)
    w.segment("client", "server", t + 0.002, "A", seq=101, ack=501, **client)
    for after, flags, number, ack, data in sent:
        w.segment("server", "client", t + after, flags, seq=500 + number, ack=100 + ack, data=data, **server)


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is what is missing."""
    it: dict[str, Any] = {
        "closes": CLOSES, "answer": b"parent\n", "close_fin": (8, 18), "shuts": SHUTS, "shutdown_fin": (1, 10),
        "forgets": ("parent alone",), "inode": 77, "quiet": QUIET + 0.01, "echoed": b"hello\n", "echo_fin": (7, 7),
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="shared_socket")
    said = {CLOSE: it["closes"], SHUTDOWN: it["shuts"], FORGET: it["forgets"]}
    for number, (port, lines) in enumerate(said.items(), 1):
        out = "".join(f"{line}\n" for line in (f"ready {port}", f"accepted 10.0.0.3 {OWN}", *(lines or ())))
        if lines is not None:
            w.program("server", 0.5, "share", str(port), number=number, exits=20, out=out)
    fins = {name: [(0.02, "FA", *it[name], b"")] if it[name] else [] for name in it if name.endswith("_fin")}
    connection(w, 1, CLOSE, (0.01, "PA", 1, 12, it["answer"]), *fins["close_fin"])
    connection(w, 2, SHUTDOWN, (0.01, "A", 1, 10, b""), *fins["shutdown_fin"])
    connection(w, 3, RIGHT, (0.01, "PA", 1, 7, it["echoed"]), *fins["echo_fin"])
    w.note(5, f"{QUIET} s pass: {WHILE}")
    connection(w, 4, FORGET, *([(1 + it["quiet"], "FA", 1, 6, b"")] if it["quiet"] else []))
    w.sample("client", 4.1, [sock("ESTABLISHED", OWN, FORGET, "10.0.0.3", "10.0.0.2", inode=5)])
    looks = () if it["inode"] is None else (4.1, 5)
    for t in looks:
        w.sample("server", t, [sock("ESTABLISHED", FORGET, OWN, inode=it["inode"])])
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (COUNTS, {"close_fin": (1, 7)}),  # with the first close
    (COUNTS, {"close_fin": (8, 12)}),  # before the second
    (COUNTS, {"closes": ("child close", "parent alone", "parent send: EPIPE", "parent close")}),
    (COUNTS, {"closes": CLOSES[:1]}),
    (SHUT, {"shutdown_fin": (1, 24)}),  # only when the last one let go
    (SHUT, {"shuts": ("child shutdown", "child send: EPIPE", "parent alone", "parent send")}),
    (SHUT, {"shuts": ("child shutdown", "child send", "parent alone", "parent send: EPIPE")}),
    (FORGOTTEN, {"quiet": 0.01}),  # when the child ended
    (FORGOTTEN, {"forgets": ()}),  # the child was there
    (FORGOTTEN, {"inode": 0}),
    (CLOSED, {"echo_fin": (1, 7)}),  # with the parent's close
    (CLOSED, {"echoed": b"hell"}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (COUNTS, {"close_fin": None}),
    (COUNTS, {"closes": None}),
    (SHUT, {"shutdown_fin": None}),
    (SHUT, {"shuts": None}),
    (FORGOTTEN, {"quiet": None}),
    (FORGOTTEN, {"forgets": None}),
    (FORGOTTEN, {"inode": None}),
    (CLOSED, {"echo_fin": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
