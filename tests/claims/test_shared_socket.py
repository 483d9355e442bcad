"""The claims of shared_socket on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.shared_socket import FORGET, QUIET, RIGHT, SHUTDOWN, WHILE
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("shared_socket").claims}
LAST, FORGOTTEN, SHUT = CLAIMS
OWN = 40001  # the client's port
FORGETS = ("child close", "parent alone", "parent send")
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


def fin(after: float, number_and_ack: tuple[int, int] | None) -> list[Sent]:
    return [(after, "FA", *number_and_ack, b"")] if number_and_ack else []


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is what is missing."""
    it: dict[str, Any] = {
        "echoed": b"hello\n", "right_fin": (7, 7), "forgets": FORGETS, "inode": 77, "quiet": QUIET + 0.01,
        "forgotten_fin": (8, 12), "shuts": SHUTS, "shutdown_fin": (1, 10),
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="shared_socket")
    for number, (port, lines) in enumerate({SHUTDOWN: it["shuts"], FORGET: it["forgets"]}.items(), 1):
        out = "".join(f"{line}\n" for line in (f"ready {port}", f"accepted 10.0.0.3 {OWN}", *(lines or ())))
        if lines is not None:
            w.program("server", 0.5, "share", str(port), number=number, exits=20, out=out)
    connection(w, 1, RIGHT, (0.01, "PA", 1, 7, it["echoed"]), *fin(0.02, it["right_fin"]))
    connection(w, 2, SHUTDOWN, (0.01, "A", 1, 10, b""), *fin(0.02, it["shutdown_fin"]))
    w.note(5, f"{QUIET} s pass: {WHILE}")
    ends = fin(1 + it["quiet"], it["forgotten_fin"])
    connection(w, 4, FORGET, (0.9 + it["quiet"], "PA", 1, 12, b"parent\n"), *ends)
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
    (LAST, {"right_fin": (1, 7)}),  # with the parent's close
    (LAST, {"echoed": b"hell"}),
    (FORGOTTEN, {"forgotten_fin": (1, 7)}),  # with the child's close
    (FORGOTTEN, {"quiet": 0.01}),
    (FORGOTTEN, {"forgets": ("child close",)}),  # it was not gone
    (FORGOTTEN, {"forgets": ("child close", "parent alone", "parent send: EPIPE")}),
    (FORGOTTEN, {"inode": 0}),
    (SHUT, {"shutdown_fin": (1, 24)}),  # only when the last one let go
    (SHUT, {"shuts": ("child shutdown", "child send: EPIPE", "parent alone", "parent send")}),
    (SHUT, {"shuts": ("child shutdown", "child send", "parent alone", "parent send: EPIPE")}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (LAST, {"right_fin": None}),
    (FORGOTTEN, {"forgotten_fin": None}),
    (FORGOTTEN, {"forgets": None}),
    (FORGOTTEN, {"inode": None}),
    (SHUT, {"shutdown_fin": None}),
    (SHUT, {"shuts": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
