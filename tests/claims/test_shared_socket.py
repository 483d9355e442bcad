"""The claims of shared_socket on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Sequence

from badwire.evidence import Evidence
from scenarios.shared_socket import CLOSED_BY_CHILD, FORGET, QUIET, RIGHT, SHUT_DOWN_BY_CHILD, SHUTDOWN, WHILE
from tests.claims.cases import Changes, verdicts
from tests.claims.written import Written, sock

OWN = 40001  # the client's port
Fin = tuple[int, int]  # number and acknowledgment
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
) -> Evidence:
    """A right history, but for what is changed; times in seconds, None for what is missing."""
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
    return w.evidence()


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
