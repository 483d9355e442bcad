"""The claims of bridge on histories written by hand: right, wrong in one thing at a time, with things missing."""

from badwire.evidence import Evidence
from scenarios.bridge import PORT
from tests.claims import forged
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written

HOSTS = ("server", "client1", "client2")


def run(
    asks: bool = True,
    about: str = "server",
    answers: tuple[str, ...] = ("server",),
    syn: float | None = 0.3,
    took: float | None = 0.4,
    again: bool = False,
    again_arrives: bool = True,
    second: bool = True,
    stray: bool = False,
    complete: bool = True,
) -> Evidence:
    """A correct history, but for what is changed; times in seconds, None for what is missing.

    Args:
        asks: client1 sends an ARP request, about the address of ``about``.
        answers: the hosts that reply to it.
        syn: when client1 sends its first SYN; None: there is no connection.
        took: how long its first connect took.
        again, again_arrives: client1 asks again before the second connection, and the request arrives.
        second: there is a second connection.
        stray: each ACK comes to client2 too.
        complete: the capture is.
    """
    w = Written(HOSTS)
    if asks:
        request(w, 0.1, about)
    if asks and again:
        request(w, 1.05, about, lost=not again_arrives)
    for host in answers:
        reply = forged.arp((w.mac(host), w.mac("client1"), w.hosts[host], w.hosts["client1"]), answer=True)
        w.frame(host, "client1", 0.2, reply, delivered=0.25)
    if syn:
        handshake(w, syn, 40001, stray)
        if took is not None:
            w.call("client1", syn - 0.2, "connect", ["10.0.0.2", PORT], took=took)
    if syn and second:
        handshake(w, 1.1, 40002, stray)
        if took is not None:
            w.call("client1", 0.9, "connect", ["10.0.0.2", PORT], took=0.2)
    w.dropped = 0 if complete else 1
    return w.evidence()


def request(w: Written, t: float, about: str, lost: bool = False) -> None:
    """Client1 asks all for the address of a host."""
    ends = (w.mac("client1"), w.mac(about), w.hosts["client1"], w.hosts[about])
    w.frame("client1", ("server", "client2"), t, forged.arp(ends), delivered=t + 0.05, lost=lost)


def handshake(w: Written, t: float, client_port: int, stray: bool) -> None:
    w.segment("client1", "server", t, "S", sport=client_port, dport=PORT)
    w.segment("server", "client1", t + 0.01, "SA", ack=1, sport=PORT, dport=client_port)
    ack = w.segment("client1", "server", t + 0.02, "A", seq=1, ack=1, sport=client_port, dport=PORT)
    if stray:
        w.frame("client1", "client2", t + 0.02, ack)
        del w.captured[-2]  # it was sent once, and came to two ports


WRONG: Named = [
    ("all_are_asked", {"about": "client2"}),
    ("all_are_asked", {"answers": ("server", "client2")}),
    ("all_are_asked", {"answers": ()}),
    ("syn_waits", {"syn": 0.24}),
    ("syn_waits", {"took": 0.19}),
    ("next_needs_none", {"again": True}),
    ("next_needs_none", {"second": False}),
    ("third_host", {"stray": True}),
    ("third_host", {"again": True}),
    ("third_host", {"again": True, "again_arrives": False}),
]
MISSING: Named = [
    ("all_are_asked", {"asks": False, "answers": ()}),
    ("all_are_asked", {"syn": None}),
    ("syn_waits", {"answers": ()}),
    ("syn_waits", {"took": None}),
    ("next_needs_none", {"asks": False}),
    ("next_needs_none", {"syn": None}),
    ("third_host", {"asks": False}),
    ("third_host", {"complete": False}),
]
test_verdicts = verdicts("bridge", run, wrong=WRONG, missing=MISSING)
