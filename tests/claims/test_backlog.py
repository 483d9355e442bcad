"""The claims of backlog on histories written by hand: right, wrong in one thing at a time, with things missing."""

from badwire.evidence import Evidence
from scenarios.backlog import ANSWERED, BACKLOG, CLOSES, FEW, HALF_OPEN, HELLO, MANY, REQUESTS, SERVED, SOMAXCONN
from tests.claims.cases import Named, verdicts
from tests.claims.tables import Tables
from tests.claims.written import Written, sock

LATE = 40099  # the port of the client whose SYN finds the queue full
SYN_ACK = ((4.1, "SA"),)
Queue = tuple[int, int]  # connections in it, and the backlog


def run(
    few: Queue | None = (BACKLOG + 1, BACKLOG),
    few_not_accepted: int = BACKLOG + 1,
    many: Queue | None = (SOMAXCONN + 1, SOMAXCONN),
    many_not_accepted: int = SOMAXCONN + 1,
    syns: tuple[float, ...] = (3.0, 4.02),
    answers: tuple[tuple[float, str], ...] = SYN_ACK,
    connections: int = BACKLOG + 2,
    overflows: int | None = 1,
    drops: int | None = 1,
    served: int = SERVED,
    half_open: int = HALF_OPEN,
    queued_early: int = 0,
    queued_late: int = HALF_OPEN,
    resets: int = SOMAXCONN + 1,
    errors: tuple[str, ...] = ("ECONNRESET",) * (SOMAXCONN + 1),
    read: bytes | None = HELLO,
    closes_accepted: str = "",
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing.

    Args:
        half_open: how many connections are in SYN_RECV while the wire holds their third segments.
        queued_early, queued_late: how many are in the accept queue then, and after the wire has let them go.
        resets: how many RSTs the server sends to port MANY when it closes both listeners.
        errors: the errnos of recv there.
        read: what recv returns on an accepted connection.
        closes_accepted: the flags of a segment of the server to it; empty: none.
    """
    w = Written(scenario="backlog")
    tables = Tables(w)
    queue_of(tables, FEW, few, few_not_accepted)
    queue_of(tables, MANY, many, many_not_accepted)
    tables.add("server", sock("LISTEN", REQUESTS, inode=5, rqueue=queued_early, wqueue=BACKLOG), since=0.2, until=0.5)
    tables.add("server", sock("LISTEN", REQUESTS, inode=5, rqueue=queued_late, wqueue=BACKLOG), since=0.5)
    for client in range(half_open):
        tables.add("server", sock("SYN_RECV", REQUESTS, 40001 + client), since=0.3, until=0.5)
    for client in range(served):
        tables.add("server", sock("ESTABLISHED", FEW, 40001 + client, inode=20 + client), since=5.0)
    tables.write()

    for client in range(connections - 1):
        handshake(w, 1.0 + client / 10, 40001 + client)
    for t in syns:
        w.segment("client", "server", t, "S", seq=100, sport=LATE, dport=FEW)
    for t, flags in answers:
        w.segment("server", "client", t, flags, seq=500, ack=101, sport=FEW, dport=LATE)
    if answers == SYN_ACK:
        w.segment("client", "server", 4.2, "A", seq=101, ack=501, sport=LATE, dport=FEW)

    w.counters("server", 0, TcpExt_ListenOverflows=3, TcpExt_ListenDrops=4)
    if overflows is not None:
        w.counters("server", 9, TcpExt_ListenOverflows=3 + overflows)
    if drops is not None:
        w.counters("server", 9, TcpExt_ListenDrops=4 + drops)
    closed(w, resets, errors, read, closes_accepted)
    return w.evidence()


def closed(w: Written, resets: int, errors: tuple[str, ...], read: bytes | None, closes_accepted: str) -> None:
    """The server closes both listeners."""
    w.note(10, CLOSES)
    for number in range(resets):
        w.segment("server", "client", 10.1, "RA", seq=501, ack=101, sport=MANY, dport=40201 + number)
    for number, errno in enumerate(errors):
        w.call("client", 10.2 + number / 100, "recv", 65536, errno=errno, socket=200 + number)
    if read is not None:
        w.call("client", 10.5, "recv", 65536, value=read, socket=1)
    if closes_accepted:
        w.segment("server", "client", 10.6, closes_accepted, seq=501, ack=101, sport=FEW, dport=40001)
    w.note(11, ANSWERED)


def queue_of(tables: Tables, port: int, queue: Queue | None, not_accepted: int) -> None:
    """The listening socket of a port, whose queue fills at 2.0 s, and the connections in it."""
    if queue is not None:
        waiting, backlog = queue
        tables.add("server", sock("LISTEN", port, inode=port, rqueue=0, wqueue=backlog), since=0.1, until=2.0)
        tables.add("server", sock("LISTEN", port, inode=port, rqueue=waiting, wqueue=backlog), since=2.0, until=3.5)
    for client in range(not_accepted):
        tables.add("server", sock("ESTABLISHED", port, 40001 + client), since=2.0, until=3.5)


def handshake(w: Written, t: float, port: int) -> None:
    w.segment("client", "server", t, "S", seq=100, sport=port, dport=FEW)
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, sport=FEW, dport=port)
    w.segment("client", "server", t + 0.002, "A", seq=101, ack=501, sport=port, dport=FEW)


WRONG: Named = [
    ("completed_only", {"queued_early": HALF_OPEN}),
    ("completed_only", {"queued_early": 1}),
    ("completed_only", {"queued_late": HALF_OPEN + 1}),
    ("completed_only", {"queued_late": 0}),
    ("close_of_the_listener", {"resets": SOMAXCONN}),
    ("close_of_the_listener", {"errors": ("ECONNRESET", "ETIMEDOUT")}),
    ("close_of_the_listener", {"read": b"hell"}),
    ("close_of_the_listener", {"closes_accepted": "FA"}),
    ("close_of_the_listener", {"closes_accepted": "RA"}),
    ("one_more", {"few": (BACKLOG, BACKLOG)}),
    ("one_more", {"few": (BACKLOG + 1, BACKLOG + 1)}),
    ("one_more", {"few_not_accepted": BACKLOG}),
    ("cut_to_somaxconn", {"many": (7, 128)}),
    ("cut_to_somaxconn", {"many": (SOMAXCONN + 1, 128)}),
    ("cut_to_somaxconn", {"many": (SOMAXCONN, SOMAXCONN)}),
    ("cut_to_somaxconn", {"many_not_accepted": SOMAXCONN + 2}),
    ("dropped_and_sent_again", {"syns": (3.0, 3.5)}),
    ("dropped_and_sent_again", {"syns": (3.0, 4.02, 6.04)}),
    ("dropped_and_sent_again", {"syns": (3.0,), "answers": ((3.01, "SA"),)}),
    ("dropped_and_sent_again", {"answers": ((3.01, "RA"),)}),
    ("dropped_and_sent_again", {"answers": ()}),
    ("counted", {"overflows": 0}),
    ("counted", {"drops": 2}),
    ("many_served", {"served": BACKLOG + 1}),
]
MISSING: Named = [
    ("completed_only", {"half_open": HALF_OPEN - 1}),
    ("close_of_the_listener", {"resets": 0}),
    ("close_of_the_listener", {"errors": ()}),
    ("close_of_the_listener", {"read": None}),
    ("one_more", {"few": None}),
    ("cut_to_somaxconn", {"many": None}),
    ("dropped_and_sent_again", {"connections": BACKLOG}),
    ("counted", {"overflows": None}),
    ("counted", {"drops": None}),
]
test_verdicts = verdicts("backlog", run, wrong=WRONG, missing=MISSING)
