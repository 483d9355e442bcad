"""The claims of without_timewait on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Mapping, Sequence
from typing import Any

from badwire.evidence import Evidence
from scenarios.without_timewait import PORTS, USUAL, WITHOUT
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written, sock

OWN = 40001  # the clients' port
ADDRESSES = {"server": "10.0.0.2", USUAL: "10.0.0.3", WITHOUT: "10.0.0.4"}
LASTS = {USUAL: "TIME_WAIT", WITHOUT: None}  # after FIN_WAIT_2; None: gone
ANSWERS = {USUAL: "A", WITHOUT: "R"}
COUNTS = {USUAL: 0, WITHOUT: 1}
FIRST = {USUAL: USUAL, WITHOUT: WITHOUT}
END = {USUAL: 1.31, WITHOUT: 1.31}  # seconds after the SYN, when the server's socket is gone


def run(
    first: Mapping[str, str] = FIRST,
    lasts: Mapping[str, str | None] = LASTS,
    counts: Mapping[str, int] = COUNTS,
    lost: Sequence[str] = (USUAL, WITHOUT),
    answers: Mapping[str, str | None] = ANSWERS,
    ends: Mapping[str, float] = END,
    errors: Sequence[int] = (0, 104),
    sampled: bool = True,
) -> Evidence:
    """A correct history, but for what is changed, by client.

    Args:
        first: who sends the first FIN.
        lasts: the state of the client's socket after FIN_WAIT_2.
        counts: by how much TCPTimeWaitOverflow grows.
        lost: whose first ACK is lost.
        answers: the flags of the answer to the second FIN; None: no answer.
        ends: when the server's socket is gone, in seconds after the SYN.
        errors: what SO_ERROR gives.
        sampled: whether the server's sockets are in the samples.
    """
    w = Written(("server", USUAL, WITHOUT), scenario="without_timewait")
    for t, (client, port) in enumerate(PORTS.items(), 1):
        connection(w, 10.0 * t, client, port, first[client], client in lost, answers[client])
        table(w, 10.0 * t, client, port, lasts[client])
        if sampled:
            served(w, 10.0 * t, client, port, ends[client])
        if client in counts:
            w.counters(client, 0, TcpExt_TCPTimeWaitOverflow=3)
            w.counters(client, 90, TcpExt_TCPTimeWaitOverflow=3 + counts[client])
    for number, error in enumerate(errors):
        w.call("server", 50 + number, "getsockopt", "SOL_SOCKET", "SO_ERROR", value=error)
    return w.evidence()


def connection(w: Written, t: float, client: str, port: int, first: str, lost: bool, answer: str | None) -> None:
    """The segments: the server's FIN comes twice."""
    ports: dict[str, dict[str, Any]] = {
        client: {"sport": OWN, "dport": port},
        "server": {"sport": port, "dport": OWN},
    }
    second = "server" if first == client else client
    w.segment(client, "server", t, "S", seq=0, **ports[client])
    w.segment("server", client, t + 0.01, "SA", seq=0, ack=1, **ports["server"])
    w.segment(client, "server", t + 0.02, "A", seq=1, ack=1, **ports[client])
    w.segment(first, second, t + 1, "FA", seq=1, ack=1, **ports[first])
    w.segment(second, first, t + 1.01, "A", seq=1, ack=2, **ports[second])
    w.segment(second, first, t + 1.02, "FA", seq=1, ack=2, **ports[second])
    w.segment(first, second, t + 1.03, "A", seq=2, ack=2, lost=lost, **ports[first])
    w.segment(second, first, t + 1.3, "FA", seq=1, ack=2, **ports[second])
    if answer is not None:
        ack = 2 if answer == "A" else 0
        w.segment(first, second, t + 1.301, answer, seq=2, ack=ack, **ports[first])


def table(w: Written, t: float, client: str, port: int, last: str | None) -> None:
    """The client's socket."""
    for at, state in ((0.03, "ESTABLISHED"), (1.015, "FIN_WAIT_2"), (1.04, last)):
        entries = [sock(state, OWN, port, ADDRESSES[client], ADDRESSES["server"])] if state else []
        w.sample(client, t + at, entries)


def served(w: Written, t: float, client: str, port: int, end: float) -> None:
    """The server's socket."""
    for at, state in ((0.03, "ESTABLISHED"), (1.015, "CLOSE_WAIT"), (1.025, "LAST_ACK")):
        w.sample("server", t + at, [sock(state, port, OWN, ADDRESSES["server"], ADDRESSES[client])])
    w.sample("server", t + end, [])


WRONG: Named = [
    ("no_timewait", {"first": {USUAL: "server", WITHOUT: WITHOUT}}),
    ("no_timewait", {"first": {USUAL: USUAL, WITHOUT: "server"}}),
    ("no_timewait", {"lasts": {USUAL: None, WITHOUT: None}}),
    ("no_timewait", {"lasts": {USUAL: "TIME_WAIT", WITHOUT: "TIME_WAIT"}}),
    ("no_timewait", {"lasts": {USUAL: "TIME_WAIT", WITHOUT: "FIN_WAIT_2"}}),
    ("no_timewait", {"counts": {USUAL: 1, WITHOUT: 1}}),
    ("no_timewait", {"counts": {USUAL: 0, WITHOUT: 0}}),
    ("answered_all_the_same", {"answers": {USUAL: "R", WITHOUT: "R"}}),
    ("answered_all_the_same", {"answers": {USUAL: "A", WITHOUT: "A"}}),
    ("answered_all_the_same", {"lost": (USUAL,)}),
    ("answered_all_the_same", {"lost": (WITHOUT,)}),
    ("answered_all_the_same", {"ends": {USUAL: 1.2, WITHOUT: 1.31}}),
    ("the_program_sees_an_error", {"errors": (0, 0)}),
    ("the_program_sees_an_error", {"errors": (104, 104)}),
]
MISSING: Named = [
    ("no_timewait", {"counts": {USUAL: 0}}),
    ("answered_all_the_same", {"sampled": False}),
    ("the_program_sees_an_error", {"errors": ()}),
]
test_verdicts = verdicts("without_timewait", run, wrong=WRONG, missing=MISSING)
