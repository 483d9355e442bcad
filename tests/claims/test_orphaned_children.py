"""The claims of orphaned_children on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Mapping, Sequence
from typing import Any

from badwire.evidence import Evidence
from scenarios.orphaned_children import BINDS, CONNECTS, HELLO, KEEPS, OPTION, PROGRAMS, QUIET, RIGHT, STILL, WAITS
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written, sock

SIGNALS: Mapping[int, str | None] = {RIGHT: "SIGKILL", KEEPS: "SIGKILL"}
LEFT: Mapping[int, int] = {RIGHT: 1, KEEPS: 1}
BOTH = (HELLO, STILL)
ECHOED: Mapping[int, Sequence[bytes]] = {RIGHT: BOTH, KEEPS: BOTH}
LATE = 40012  # the port of the late client of the faulty server


def run(
    signals: Mapping[int, str | None] = SIGNALS,
    left: Mapping[int, int] = LEFT,
    listed: bool = True,
    echoed: Mapping[int, Sequence[bytes]] = ECHOED,
    connects: Mapping[int, str | None] = CONNECTS,
    listens: bool = True,
    inode: int | None = 0,
    answered: bool = False,
    binds: Mapping[int, str | None] = BINDS,
) -> Evidence:
    """A correct history, but for what is changed, by the server's port.

    Args:
        signals: what ends the parents.
        left: how many processes of each server are left; ``listed``: whether they were recorded.
        echoed: what recv returned on each client.
        connects: what connect of a late client returned.
        listens: whether the faulty server's listener is there at the end.
        inode: of the late connection on the server; None: it is in no sample.
        answered: whether the late client gets an answer.
        binds: what try_bind prints.
    """
    w = Written(scenario="orphaned_children")
    processes: list[dict[str, Any]] = []
    for number, (port, name) in enumerate(PROGRAMS.items(), 1):
        argv = (str(port), OPTION)
        w.program("server", 0.5, name, *argv, number=number, exits=2, status=None, signal=signals[port])
        processes += [{"pid": 9, "ppid": 1, "state": "S", "program": number, "name": "p"}] * left[port]
        handshake(w, 1.0 + number / 10, 40000 + number, port)
        w.call("client", 1.0 + number / 10, "connect", ["10.0.0.2", port], socket=number)
        for t, data in enumerate(echoed[port], 1):
            w.call("client", t + 1, "recv", 65536, value=data, socket=number)
        errno = None if connects[port] == "success" else connects[port]
        w.call("client", 4.0, "connect", ["10.0.0.2", port], errno=errno, socket=10 + number)
        printed = binds[port]
        if printed is not None:
            w.program("server", 8.0, "try_bind", *argv, number=10 + number, exits=8.1, out=f"{printed}\n")
    if listed:
        w.record("processes", 2.5, host="server", processes=processes)
    handshake(w, 4.0, LATE, KEEPS)
    w.segment("client", "server", 4.1, "PA", seq=1, ack=1, data=HELLO, sport=LATE, dport=KEEPS)
    if answered:
        w.segment("server", "client", 4.2, "PA", seq=1, ack=6, data=HELLO, sport=KEEPS, dport=LATE)
    w.note(5, f"{QUIET:g} s pass: {WAITS}")
    table = [sock("LISTEN", KEEPS, inode=77)] if listens else []
    if inode is not None:
        table.append(sock("ESTABLISHED", KEEPS, LATE, inode=inode))
    w.sample("server", 6, table)
    return w.evidence()


def handshake(w: Written, t: float, own: int, port: int) -> None:
    """Three segments; both sides' numbers begin at 0."""
    w.segment("client", "server", t, "S", sport=own, dport=port)
    w.segment("server", "client", t + 0.001, "SA", ack=1, sport=port, dport=own)
    w.segment("client", "server", t + 0.002, "A", seq=1, ack=1, sport=own, dport=port)


WRONG: Named = [
    ("child_serves_on", {"signals": {RIGHT: None, KEEPS: "SIGKILL"}, "left": {RIGHT: 1, KEEPS: 2}}),
    ("child_serves_on", {"signals": {RIGHT: "SIGTERM", KEEPS: "SIGKILL"}}),
    ("child_serves_on", {"left": {RIGHT: 0, KEEPS: 1}}),
    ("child_serves_on", {"echoed": {RIGHT: (HELLO, b""), KEEPS: BOTH}}),
    ("child_serves_on", {"echoed": {RIGHT: BOTH, KEEPS: (HELLO,)}}),
    ("listener_is_kept", {"connects": {RIGHT: "success", KEEPS: "success"}}),
    ("listener_is_kept", {"connects": {RIGHT: "ECONNREFUSED", KEEPS: "ECONNREFUSED"}}),
    ("listener_is_kept", {"inode": 78}),
    ("listener_is_kept", {"answered": True}),
    ("no_new_server", {"binds": {RIGHT: "bind: EADDRINUSE", KEEPS: "bind: EADDRINUSE"}}),
    ("no_new_server", {"binds": {RIGHT: f"bound {RIGHT}", KEEPS: f"bound {KEEPS}"}}),
]
MISSING: Named = [
    ("child_serves_on", {"listed": False}),
    ("listener_is_kept", {"listens": False}),
    ("listener_is_kept", {"inode": None}),
    ("no_new_server", {"binds": {RIGHT: f"bound {RIGHT}", KEEPS: None}}),
]
test_verdicts = verdicts("orphaned_children", run, wrong=WRONG, missing=MISSING)
