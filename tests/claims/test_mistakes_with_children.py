"""The claims of mistakes_with_children on histories written by hand: right, wrong in one thing, with things missing."""

from typing import Any

from badwire.evidence import Evidence
from scenarios.mistakes_with_children import (
    CLIENTS,
    EINTR,
    IGNORES,
    ONCE,
    OPEN,
    OPTIONS,
    PROGRAMS,
    RESTARTS,
    RIGHT,
    ZOMBIES,
)
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written, sock

NUMBERS = {RIGHT: 1, OPEN: 2, ZOMBIES: 3, EINTR: 4, IGNORES: 5, RESTARTS: 6, ONCE: 7}  # of the programs


def visit(w: Written, port: int, client_port: int, t: float, closed: float | None) -> None:
    """A client connects and closes; the server closes ``closed`` seconds later, or never."""
    client: dict[str, Any] = {"sport": client_port, "dport": port}
    server: dict[str, Any] = {"sport": port, "dport": client_port}
    w.segment("client", "server", t, "S", seq=100, **client)
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **server)
    w.segment("client", "server", t + 0.1, "FA", seq=101, ack=501, **client)
    if closed is not None:
        w.segment("server", "client", t + 0.1 + closed, "FA", seq=501, ack=102, **server)


def run(
    soon: float | None = 0.001,
    late: float | None = 3.0,
    close_wait: int = CLIENTS,
    left: int = 1,
    reaped: int = 0,
    zombies: int = CLIENTS,
    listed: bool = True,
    ended: float | None = 1.2,
    status: int = 1,
    signal: str | None = None,
    output: str = "accept: EINTR\n",
    refused: str | None = "ECONNREFUSED",
    right_status: int = 0,
    right_signal: str | None = "SIGINT",
    ignored: int = 0,
    answer: bytes = b"hello",
    kept: int = 1,
    signals: int = CLIENTS - 1,
    restarted: tuple[str | None, ...] = (None,) * CLIENTS,
    restarts_until: str | None = "SIGINT",
) -> Evidence:
    """A correct history, but for what is changed; times in seconds, None for what does not happen.

    Args:
        soon, late: when the correct server and the one that keeps its sockets send a FIN, after the client's.
        close_wait: sockets of the latter; ``left``: its processes in the end.
        reaped, zombies: zombies of the correct server and of the one that does not wait for its children.
        listed: whether the processes were recorded.
        ended: when the server whose accept is interrupted ends; its status, signal and output.
        ignored: zombies of the server that ignores SIGCHLD; ``answer``: of this server.
        kept: zombies of the server that waits for one child at each signal; ``signals``: how many it took.
        restarted: the errors of connect to the server with SA_RESTART; ``restarts_until``: the signal that ends it.
    """
    w = Written(scenario="mistakes_with_children")
    for number in range(CLIENTS):
        t = 1.0 + number / 2
        visit(w, RIGHT, 40001 + number, t, soon)
        visit(w, OPEN, 40101 + number, t, late)
        w.call("client", t, "connect", ["10.0.0.2", EINTR], errno=refused if number else None)
    visit(w, EINTR, 40201, 1.0, 0.001)
    w.sample("server", 2.5, [sock("CLOSE_WAIT", OPEN, 40101 + number) for number in range(close_wait)])
    if listed:
        processes = [*process(RIGHT, "S"), *process(OPEN, "S", left), *process(ZOMBIES, "S")]
        processes += [*process(RIGHT, "Z", reaped), *process(ZOMBIES, "Z", zombies)]
        processes += [*process(IGNORES, "S"), *process(IGNORES, "Z", ignored)]
        processes += [*process(ONCE, "S"), *process(ONCE, "Z", kept)]
        w.record("processes", 4.5, host="server", processes=processes)
    for port in (RIGHT, OPEN, ZOMBIES):
        signalled(w, 4.8, port, right_signal)
        w.program("server", 0.5, PROGRAMS[port], str(port), number=NUMBERS[port], exits=4.9, status=right_status)
    for number, errno in enumerate(restarted):
        t = 1.0 + number / 2
        w.call("client", t, "connect", ["10.0.0.2", RESTARTS], errno=errno)
        visit(w, IGNORES, 40301 + number, t, 0.01)
        ends: dict[str, Any] = {"sport": IGNORES, "dport": 40301 + number}
        w.segment("server", "client", t + 0.05, "PA", seq=501, ack=101, data=answer, **ends)
    for port in (IGNORES, RESTARTS):
        until = restarts_until if port == RESTARTS else None
        w.program(
            "server", 0.5, PROGRAMS[port], str(port), *OPTIONS[port], number=NUMBERS[port], exits=4.9, signal=until
        )
    w.program("server", 0.5, "echo_fork_once", str(ONCE), number=NUMBERS[ONCE], exits=4.9, out="reaped 9\n" * signals)
    if ended is not None:
        signalled(w, ended - 0.01, EINTR, signal)
        w.program(
            "server", 0.5, PROGRAMS[EINTR], str(EINTR), number=NUMBERS[EINTR], exits=ended, status=status, out=output
        )
    return w.evidence()


def process(port: int, state: str, count: int = 1) -> list[dict[str, Any]]:
    """So many processes of a program, all in one state."""
    return [{"pid": 9, "ppid": 1, "state": state, "program": NUMBERS[port], "name": "p"}] * count


def signalled(w: Written, t: float, port: int, signal: str | None) -> None:
    """The lab sends a signal to a program; None: it does not."""
    if signal is not None:
        w.record("program", t, host="server", program=NUMBERS[port], event="signal", signal=signal)


WRONG: Named = [
    ("parent_keeps_socket", {"soon": 2.5}),
    ("parent_keeps_socket", {"late": 0.001}),
    ("parent_keeps_socket", {"left": 2}),
    ("parent_keeps_socket", {"close_wait": CLIENTS - 1}),
    ("zombies", {"reaped": 1}),
    ("zombies", {"zombies": 0}),
    ("ignored_sigchld", {"ignored": 3}),
    ("ignored_sigchld", {"answer": b"help"}),
    ("one_for_several", {"kept": 0}),
    ("one_for_several", {"signals": CLIENTS}),
    ("restarted_accept", {"restarted": (None, "ECONNREFUSED", "ECONNREFUSED")}),
    ("restarted_accept", {"restarts_until": "SIGKILL"}),
    ("interrupted_accept", {"ended": 1.05}),
    ("interrupted_accept", {"status": 0}),
    ("interrupted_accept", {"signal": "SIGINT"}),
    ("interrupted_accept", {"output": "accept: EMFILE\n"}),
    ("interrupted_accept", {"refused": None}),
    ("interrupted_accept", {"right_status": 1}),
    ("interrupted_accept", {"right_signal": None}),
]
MISSING: Named = [
    ("parent_keeps_socket", {"soon": None}),
    ("parent_keeps_socket", {"late": None}),
    ("parent_keeps_socket", {"close_wait": 0}),
    ("parent_keeps_socket", {"listed": False}),
    ("zombies", {"listed": False}),
    ("ignored_sigchld", {"listed": False}),
    ("one_for_several", {"listed": False}),
    ("restarted_accept", {"restarted": ()}),
    ("interrupted_accept", {"ended": None}),
]
test_verdicts = verdicts("mistakes_with_children", run, wrong=WRONG, missing=MISSING)
