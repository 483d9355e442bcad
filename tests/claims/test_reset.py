"""The claims of reset on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Mapping, Sequence

from badwire.evidence import Evidence
from scenarios.reset import ABORT, AFTERWARDS, ASKED, CLOSED, LAST, QUIET, UNREAD
from tests.claims.cases import Changes, verdicts
from tests.claims.written import Written, sock

OWN = 40001  # the client's port
End = tuple[str, int, int]  # flags, number and acknowledgment
Received = tuple[tuple[bytes | None, str | None], ...]  # what each recv returned, or its errno
WITH_ERROR: Received = ((LAST, None), (None, "ECONNRESET"), (b"", None))
ABORTED: End = ("RA", 1 + len(LAST), 1)
NOT_READ: End = ("RA", 1, 1 + len(ASKED))
COUNTS = {"Tcp_OutRsts": 3, "TcpExt_TCPAbortOnClose": 1, "TcpExt_TCPAbortOnData": 1}


def run(
    answer: End = ("RA", 0, 1),
    connect: str = "ECONNREFUSED",
    abort: End | None = ABORTED,
    server_then: Sequence[str] | None = (),
    client_then: Sequence[str] | None = (),
    stays: bool = False,
    read: Received = WITH_ERROR,
    unread: End | None = NOT_READ,
    asking_read: Received = ((None, "ECONNRESET"),),
    counts: Mapping[str, int] = COUNTS,
    noted: bool = True,
    anew: tuple[int, float] | None = None,
) -> Evidence:
    """A correct history, but for what is changed; None is what is missing. ``anew``: a SYN to which port, and when."""
    w = Written(scenario="reset")
    w.segment("client", "server", 1, "S", seq=100, sport=OWN, dport=CLOSED)
    flags, number, ack = answer
    w.segment("server", "client", 1.001, flags, seq=number, ack=100 + ack, sport=CLOSED, dport=OWN)
    calls(w, 1, CLOSED, 1, (), connect)

    handshake(w, 2, ABORT)
    w.segment("server", "client", 2.01, "PA", seq=501, ack=101, data=LAST, sport=ABORT, dport=OWN)
    w.segment("client", "server", 2.02, "A", seq=101, ack=501 + len(LAST), sport=OWN, dport=ABORT)
    close(w, 2.03, ABORT, abort)
    calls(w, 2, ABORT, 2, read)
    sampled(w, "server", states_of(server_then), stays)
    sampled(w, "client", states_of(client_then), False)

    handshake(w, 3, UNREAD)
    w.segment("client", "server", 3.01, "PA", seq=101, ack=501, data=ASKED, sport=OWN, dport=UNREAD)
    w.segment("server", "client", 3.02, "A", seq=501, ack=101 + len(ASKED), sport=UNREAD, dport=OWN)
    close(w, 3.03, UNREAD, unread)
    calls(w, 3, UNREAD, 3, asking_read)
    if noted:
        w.note(5, f"{QUIET:g} s pass: {AFTERWARDS}")
    if anew is not None:
        port, t = anew
        w.segment("client", "server", t, "S", seq=900, sport=OWN + 1, dport=port)

    w.counters("server", 0, **dict.fromkeys(counts, 7))
    w.counters("server", 10, **{name: 7 + count for name, count in counts.items()})
    return w.evidence()


def handshake(w: Written, t: float, port: int) -> None:
    """Three segments."""
    w.segment("client", "server", t, "S", seq=100, sport=OWN, dport=port)
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, sport=port, dport=OWN)
    w.segment("client", "server", t + 0.002, "A", seq=101, ack=501, sport=OWN, dport=port)


def close(w: Written, t: float, port: int, end: End | None) -> None:
    """The segment with which the server ends it."""
    if end is not None:
        flags, number, ack = end
        w.segment("server", "client", t, flags, seq=500 + number, ack=100 + ack, sport=port, dport=OWN)


def calls(w: Written, t: float, port: int, socket: int, received: Received, errno: str | None = None) -> None:
    """The client's connect, and then its calls of recv."""
    w.call("client", t, "connect", ["10.0.0.2", port], socket=socket, errno=errno)
    for number, (value, error) in enumerate(received, 1):
        w.call("client", t + number, "recv", 65536, value=value, errno=error, socket=socket)


def states_of(then: Sequence[str] | None) -> tuple[str, ...]:
    """ESTABLISHED and what follows; None: it is in no sample."""
    return () if then is None else ("ESTABLISHED", *then)


def sampled(w: Written, host: str, states: Sequence[str], stays: bool) -> None:
    """The socket of the aborted connection in one state after the other, and then gone, unless it stays."""
    ends = (ABORT, OWN) if host == "server" else (OWN, ABORT)
    addresses = ("10.0.0.2", "10.0.0.3") if host == "server" else ("10.0.0.3", "10.0.0.2")
    w.sample(host, 1.9, [])
    for t, state in enumerate(states, 2):
        w.sample(host, t + 0.02, [sock(state, *ends, *addresses)])
    w.sample(host, 9, [sock(states[-1], *ends, *addresses)] if stays else [])


WRONG: list[tuple[str, Changes]] = [
    ("no_listener", {"answer": ("R", 0, 1)}),  # acknowledges nothing
    ("no_listener", {"answer": ("SA", 0, 1)}),
    ("no_listener", {"connect": "ETIMEDOUT"}),
    ("abortive_close", {"abort": ("RA", 1, 1)}),
    ("abortive_close", {"server_then": ("TIME_WAIT",)}),
    ("abortive_close", {"client_then": ("CLOSE_WAIT",)}),
    ("abortive_close", {"stays": True}),
    ("data_before_it_is_read", {"read": ((None, "ECONNRESET"), (b"", None), (b"", None))}),  # it was thrown away
    ("data_before_it_is_read", {"read": ((LAST, None), (None, "ECONNRESET"), (None, "ECONNRESET"))}),
    ("nobody_connects_anew", {"anew": (ABORT, 4.9)}),
    ("nobody_connects_anew", {"anew": (UNREAD, 4.9)}),
    ("nobody_connects_anew", {"anew": (CLOSED, 6.0)}),
    ("data_unread", {"unread": ("RA", 1, 1)}),
    ("data_unread", {"asking_read": ((b"", None),)}),
    ("counted_by_the_kernel", {"counts": COUNTS | {"Tcp_OutRsts": 2}}),
    ("counted_by_the_kernel", {"counts": COUNTS | {"TcpExt_TCPAbortOnClose": 0}}),
    ("counted_by_the_kernel", {"counts": COUNTS | {"TcpExt_TCPAbortOnData": 2}}),
]
MISSING: list[tuple[str, Changes]] = [
    ("abortive_close", {"abort": None}),
    ("abortive_close", {"server_then": None}),
    ("data_before_it_is_read", {"read": ()}),
    ("nobody_connects_anew", {"abort": None}),
    ("nobody_connects_anew", {"unread": None}),
    ("nobody_connects_anew", {"noted": False}),
    ("data_unread", {"unread": ("FA", 1, 1)}),
    ("data_unread", {"asking_read": ()}),
    ("counted_by_the_kernel", {"counts": {"Tcp_OutRsts": 3, "TcpExt_TCPAbortOnClose": 1}}),
]
test_verdicts = verdicts("reset", run, wrong=WRONG, missing=MISSING)
