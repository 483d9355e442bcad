"""The claims of shared_socket on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Mapping, Sequence

from badwire.evidence import Evidence
from scenarios.shared_socket import (
    CLOSED_BY_CHILD,
    FORGET,
    HOW,
    ONCE,
    QUIET,
    RIGHT,
    SHUT_DOWN_BY_CHILD,
    SHUTDOWN,
    TWICE,
    WHILE,
)
from tests.claims.cases import Changes, verdicts
from tests.claims.written import Written, sock

OWN = 40001  # the client's port
Fin = tuple[int, int]  # number and acknowledgment
Result = tuple[bytes | int | None, str | None]  # of a call, and its errno
READS: Mapping[int, Result] = {ONCE: (b"", None), TWICE: (b"", None)}
SENDS: Mapping[int, Result] = {ONCE: (None, "EPIPE"), TWICE: (None, "EPIPE")}
FINS: Mapping[int, Fin | None] = {ONCE: (1, 1), TWICE: (1, 1)}
Lines = Sequence[str] | None  # of the program share, after the first two


def run(
    echoed: bytes = b"hello\n",
    right_fin: Fin | None = (7, 7),
    forgets: Lines = CLOSED_BY_CHILD,
    inode: int | None = 77,
    client_sampled: bool = True,
    quiet: float = QUIET + 0.01,
    forgotten_fin: Fin | None = (8, 12),
    noted: bool = True,
    shuts: Lines = SHUT_DOWN_BY_CHILD,
    shutdown_fin: Fin | None = (1, 10),
    type_errno: str | None = None,
    owned: Sequence[bool] = (True, False),
    reads: Mapping[int, Result] = READS,
    sends: Mapping[int, Result] = SENDS,
    fins: Mapping[int, Fin | None] = FINS,
    more: Sequence[int] = (),
    connects: bool = True,
) -> Evidence:
    """A correct history, but for what is changed; times in seconds, None for what is missing.

    After the client's shutdown of both directions: the errno of getsockopt; whether a process has the socket, in turn;
    results of recv and send; the client's FIN; ports with data of the client after that. ``connects``: whether
    there are such connections at all.
    """
    w = Written(scenario="shared_socket")
    program(w, 1, SHUTDOWN, shuts)
    program(w, 2, FORGET, forgets)

    handshake(w, 1, RIGHT)
    answer(w, 1.01, RIGHT, "PA", 1, 7, echoed)
    fin(w, 1.02, RIGHT, right_fin)

    handshake(w, 2, SHUTDOWN)
    answer(w, 2.01, SHUTDOWN, "A", 1, 10)
    fin(w, 2.02, SHUTDOWN, shutdown_fin)

    handshake(w, 4, FORGET)
    if noted:
        w.note(5, f"{QUIET} s pass: {WHILE}")
    answer(w, 4.9 + quiet, FORGET, "PA", 1, 12, b"parent\n")
    fin(w, 5 + quiet, FORGET, forgotten_fin)
    if client_sampled:
        w.sample("client", 4.1, [sock("ESTABLISHED", OWN, FORGET, "10.0.0.3", "10.0.0.2", inode=5)])
    if inode is not None:
        w.sample("server", 4.1, [sock("ESTABLISHED", FORGET, OWN, inode=inode)])
        w.sample("server", 5, [sock("ESTABLISHED", FORGET, OWN, inode=inode)])
    for number, port in enumerate(HOW if connects else ()):
        both_directions(w, 20.0 + number, port, number + 50, type_errno, reads[port], sends[port])
        if (numbers := fins[port]) is not None:
            first, ack = numbers
            w.segment("client", "server", 20.3 + number, "FA", seq=100 + first, ack=500 + ack, sport=OWN, dport=port)
        if port in more:
            w.segment("client", "server", 20.6 + number, "PA", seq=101, ack=501, data=b"x", sport=OWN, dport=port)
        for n, has_owner in enumerate(owned):
            inode = 9 if has_owner else 0
            entry = sock("FIN_WAIT_2", OWN, port, "10.0.0.3", "10.0.0.2", inode=inode)
            w.sample("client", 20.4 + number + n / 10, [entry])
    return w.evidence()


def both_directions(
    w: Written, t: float, port: int, number: int, type_errno: str | None, read: Result, send: Result
) -> None:
    """A connection, and the client's calls after shutdown."""
    handshake(w, t, port)
    w.call("client", t, "connect", ["10.0.0.2", port], socket=number)
    w.call("client", t + 0.4, "recv", 65536, value=read[0], errno=read[1], socket=number)
    w.call("client", t + 0.5, "send", b"more", value=send[0], errno=send[1], socket=number)
    w.call("client", t + 0.6, "getsockopt", "SOL_SOCKET", "SO_TYPE", value=1, errno=type_errno, socket=number)


def program(w: Written, number: int, port: int, lines: Lines) -> None:
    """share, with the lines that it wrote after the first two."""
    if lines is not None:
        written = (f"ready {port}", f"accepted 10.0.0.3 {OWN}", *lines)
        w.program("server", 0.5, "share", str(port), number=number, exits=20, out="\n".join(written) + "\n")


def handshake(w: Written, t: float, port: int) -> None:
    """Three segments."""
    w.segment("client", "server", t, "S", seq=100, sport=OWN, dport=port)
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, sport=port, dport=OWN)
    w.segment("client", "server", t + 0.002, "A", seq=101, ack=501, sport=OWN, dport=port)


def answer(w: Written, t: float, port: int, flags: str, number: int, ack: int, data: bytes = b"") -> None:
    """A segment of the server, with numbers counted from each side's SYN."""
    w.segment("server", "client", t, flags, seq=500 + number, ack=100 + ack, data=data, sport=port, dport=OWN)


def fin(w: Written, t: float, port: int, number_and_ack: Fin | None) -> None:
    """The server's FIN."""
    if number_and_ack is not None:
        answer(w, t, port, "FA", *number_and_ack)


WRONG: list[tuple[str, Changes]] = [
    ("descriptor_stays", {"type_errno": "EBADF"}),
    ("descriptor_stays", {"owned": (False,)}),
    ("descriptor_stays", {"owned": (True, True)}),
    ("both_directions", {"reads": {ONCE: (None, "EAGAIN"), TWICE: (b"", None)}}),
    ("both_directions", {"reads": {ONCE: (b"", None), TWICE: (None, "EAGAIN")}}),
    ("both_directions", {"sends": {ONCE: (4, None), TWICE: (None, "EPIPE")}}),
    ("both_directions", {"fins": {ONCE: (5, 1), TWICE: (1, 1)}}),
    ("both_directions", {"more": (TWICE,)}),
    ("last_close_sends_fin", {"right_fin": (1, 7)}),  # with the parent's close
    ("last_close_sends_fin", {"echoed": b"hell"}),
    ("forgotten_copy", {"forgotten_fin": (1, 7)}),  # with the child's close
    ("forgotten_copy", {"quiet": 0.01}),
    ("forgotten_copy", {"forgets": ("child close",)}),  # the child had not ended
    ("forgotten_copy", {"forgets": ("child close", "parent alone", "parent send: EPIPE")}),
    ("forgotten_copy", {"inode": 0}),
    ("shutdown_acts_at_once", {"shutdown_fin": (1, 24)}),  # only with the last descriptor
    ("shutdown_acts_at_once", {"shuts": ("child shutdown", "child send: EPIPE", "parent alone", "parent send")}),
    ("shutdown_acts_at_once", {"shuts": ("child shutdown", "child send", "parent alone", "parent send: EPIPE")}),
]
MISSING: list[tuple[str, Changes]] = [
    ("descriptor_stays", {"connects": False}),
    ("descriptor_stays", {"owned": ()}),
    ("both_directions", {"connects": False}),
    ("both_directions", {"fins": {ONCE: None, TWICE: (1, 1)}}),
    ("last_close_sends_fin", {"right_fin": None}),
    ("forgotten_copy", {"forgotten_fin": None}),
    ("forgotten_copy", {"forgets": None}),
    ("forgotten_copy", {"inode": None}),
    ("forgotten_copy", {"noted": False}),
    ("forgotten_copy", {"client_sampled": False}),
    ("shutdown_acts_at_once", {"shutdown_fin": None}),
    ("shutdown_acts_at_once", {"shuts": None}),
]
test_verdicts = verdicts("shared_socket", run, wrong=WRONG, missing=MISSING)
