"""The claims of backlog_overflow on histories written by hand: right, wrong in one thing, with things missing."""

import pytest

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.backlog_overflow import BACKLOG, DATA, IGNORES, RESETS, counted
from tests.claims.cases import Named, verdict_of, verdicts
from tests.claims.tables import Tables
from tests.claims.written import Written, sock

HOSTS = ("server1", "server2", "client")
LOSER = 40005  # the port of the client whose last ACK finds no room
Counted = tuple[int | None, int | None]  # ListenOverflows and ListenDrops


def run(
    made: int = BACKLOG + 1,
    data: tuple[float, ...] = (2.1, 2.3, 2.5, 2.9),
    syn_ack_again: bool = False,
    room: float = 2.9,
    states: tuple[str, str] = ("SYN_RECV", "ESTABLISHED"),
    read: bytes | None = DATA,
    answer: str = "R",
    learns: str | None = "ECONNRESET",
    ignored: Counted = (4, 4),
    reset: Counted = (1, 1),
) -> Evidence:
    """A correct history, but for what is changed: ``made`` connections before the loser's; times in seconds."""
    w = Written(HOSTS, scenario="backlog_overflow")
    for server, port in (("server1", IGNORES), ("server2", RESETS)):
        for number in range(made):
            handshake(w, server, port, 1.0 + number / 10, 40001 + number)
        handshake(w, server, port, 2.0, LOSER)
    for t in data:
        w.segment("client", "server1", t, "PA", seq=101, ack=501, data=DATA, sport=LOSER, dport=IGNORES)
    if syn_ack_again:
        w.segment("server1", "client", 2.6, "SA", seq=500, ack=101, sport=IGNORES, dport=LOSER)
        w.segment("client", "server1", 2.6001, "A", seq=106, ack=501, sport=LOSER, dport=IGNORES)
    w.segment("server1", "client", 2.91, "A", seq=501, ack=106, sport=IGNORES, dport=LOSER)
    if answer:
        w.segment("server2", "client", 2.01, answer, seq=501, ack=101, sport=RESETS, dport=LOSER)
    w.call("client", 2.0, "recv", 65536, errno=learns)
    if read is not None:
        w.call("server1", 3.0, "recv", 65536, value=read)

    tables = Tables(w)
    client = w.hosts["client"]
    server = w.hosts["server1"]
    tables.add("client", sock("ESTABLISHED", LOSER, IGNORES, client, server), since=2.01)
    before, after = states
    tables.add("server1", sock(before, IGNORES, LOSER, server, client), since=2.005, until=room)
    if after:
        tables.add("server1", sock(after, IGNORES, LOSER, server, client), since=room)
    tables.write()

    count(w, "server1", ignored)
    count(w, "server2", reset)
    return w.evidence()


def handshake(w: Written, server: str, port: int, t: float, client_port: int) -> None:
    w.segment("client", server, t, "S", seq=100, sport=client_port, dport=port)
    w.segment(server, "client", t + 0.001, "SA", seq=500, ack=101, sport=port, dport=client_port)
    w.segment("client", server, t + 0.002, "A", seq=101, ack=501, sport=client_port, dport=port)


def count(w: Written, host: str, grown: Counted) -> None:
    """By how much the counters of a host grow; None for one that is not recorded in the end."""
    overflows, drops = grown
    w.counters(host, 0, TcpExt_ListenOverflows=1, TcpExt_ListenDrops=1)
    if overflows is not None:
        w.counters(host, 9, TcpExt_ListenOverflows=1 + overflows)
    if drops is not None:
        w.counters(host, 9, TcpExt_ListenDrops=1 + drops)


@pytest.mark.parametrize("ignored_segments", [4, 5])
def test_of_an_answer_to_a_second_syn_ack_both_are_right(ignored_segments: int) -> None:
    """It found room, and then the data after it was no longer counted; or it found none."""
    history = run(syn_ack_again=True, ignored=(ignored_segments, ignored_segments))
    assert verdict_of(counted, history) is HOLDS


WRONG: Named = [
    ("ignored", {"data": (2.1,)}),
    ("ignored", {"room": 2.1}),
    ("ignored", {"states": ("ESTABLISHED", "ESTABLISHED")}),
    ("ignored", {"states": ("LAST_ACK", "ESTABLISHED")}),
    ("ignored", {"read": b"hell"}),
    ("reset", {"answer": "A"}),
    ("reset", {"answer": ""}),
    ("reset", {"learns": "ETIMEDOUT"}),
    ("counted", {"ignored": (3, 3)}),
    ("counted", {"ignored": (3, 4)}),
    ("counted", {"ignored": (4, 5)}),
    ("counted", {"reset": (0, 1)}),
    ("counted", {"reset": (1, 2)}),
]
MISSING: Named = [
    ("ignored", {"read": None}),
    ("ignored", {"states": ("SYN_RECV", "")}),
    ("ignored", {"made": BACKLOG}),
    ("reset", {"learns": None}),
    ("reset", {"made": BACKLOG}),
    ("counted", {"ignored": (None, None)}),
    ("counted", {"ignored": (4, None)}),
    ("counted", {"reset": (None, None)}),
    ("counted", {"reset": (1, None)}),
]
test_verdicts = verdicts("backlog_overflow", run, wrong=WRONG, missing=MISSING)
