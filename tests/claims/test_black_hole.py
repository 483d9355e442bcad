"""The claims of black_hole on histories written by hand: right, wrong in one thing at a time, with things missing."""

from badwire.evidence import Evidence
from badwire.util.jsonlines import WIRE
from scenarios.black_hole import BASE, FULL, MTU, NARROW, NO_PROBING, PROBING
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written, sock

HOSTS = ("server", "client1", "client2")
TIMES = (0.2, 0.4, 0.8, 1.6, 3.2, 6.5)  # s; of the first sending and those after it
STAMPS = {"timestamps": (1, 2)}
Sizes = tuple[tuple[int, int], ...]  # MTU of the path, and MSS; in samples one after the other


def run(
    handshakes: bool = True,
    until: float | None = 6.0,
    complete: bool = True,
    message: bool = False,
    passes: bool = False,
    short_lost: bool = False,
    no_probing: tuple[float, ...] = TIMES,
    length_again: int = FULL,
    last_arrives: bool = True,
    no_probing_sizes: Sizes = ((MTU, FULL),),
    probing: tuple[float, ...] = (*TIMES[:4], 3.5),
    reduced: int = BASE,
    reduced_arrives: bool = True,
    probing_sizes: Sizes = ((MTU, FULL), (MTU, BASE)),
    server_state: str = "ESTABLISHED",
) -> Evidence:
    """A correct history, but for what is changed.

    Args:
        handshakes: both connections are there.
        until: when the fault ends, in seconds; None: there is none.
        complete: the capture is.
        message: an ICMP message comes from the wire.
        passes: a long segment of client1 arrives at 0.8 s, in spite of the fault.
        short_lost: a segment without data is lost.
        no_probing, probing: when client1 and client2 send the segment.
        length_again: bytes in client1's retransmissions.
        last_arrives: client1's last one arrives.
        no_probing_sizes, probing_sizes: what samples of the clients' sockets show.
        reduced, reduced_arrives: bytes in client2's last sending, and whether it arrives.
        server_state: of the server's sockets.
    """
    w = Written(HOSTS)
    if until is not None:
        w.fault(0, "server", {"name": "mtu", "size": NARROW, "tells": False})
        w.fault(until, "server")
    if handshakes:
        handshake(w, "client1", NO_PROBING)
        for t in no_probing:
            length = FULL if t == no_probing[0] else length_again
            arrives = (last_arrives and t == no_probing[-1]) or (passes and t == 0.8)
            about = send(w, "client1", NO_PROBING, t, length, arrives)
        if message:
            w.unreachable(WIRE, "client1", 1.0, about, code=4, next_mtu=NARROW)
        if short_lost:
            send(w, "client1", NO_PROBING, 1.1, 0, arrives=False)
        samples(w, "client1", NO_PROBING, no_probing_sizes, server_state)

        handshake(w, "client2", PROBING)
        for t in probing:
            if t == probing[-1] and t > 0.4:
                send(w, "client2", PROBING, t, reduced, reduced_arrives)
            else:
                send(w, "client2", PROBING, t, FULL, arrives=False)
        samples(w, "client2", PROBING, probing_sizes, server_state)
    w.dropped = 0 if complete else 1
    return w.evidence()


def handshake(w: Written, host: str, port: int) -> None:
    w.segment(host, "server", 0.1, "S", seq=0, sport=40001, dport=port)
    w.segment("server", host, 0.11, "SA", ack=1, sport=port, dport=40001)
    w.segment(host, "server", 0.12, "A", seq=1, ack=1, sport=40001, dport=port)


def send(w: Written, host: str, port: int, t: float, length: int, arrives: bool) -> bytes:
    return w.segment(
        host, "server", t, "A", seq=1, ack=1, data=bytes(length), options=STAMPS, lost=not arrives, sport=40001,
        dport=port,
    )  # fmt: skip


def samples(w: Written, host: str, port: int, sizes: Sizes, server_state: str) -> None:
    """The client's socket with these sizes, one after the other, and the server's in its state."""
    for place, (pmtu, mss) in enumerate(sizes):
        info = {"pmtu": pmtu, "snd_mss": mss}
        socket = sock("ESTABLISHED", 40001, port, w.hosts[host], w.hosts["server"], info=info)
        w.sample(host, 0.15 + place * 4, [socket])
        w.sample("server", 0.15 + place * 4, [sock(server_state, port, 40001, w.hosts["server"], w.hosts[host])])


WRONG: Named = [
    ("lost_silently", {"message": True}),
    ("lost_silently", {"passes": True}),
    ("lost_silently", {"reduced_arrives": False}),
    ("lost_silently", {"short_lost": True}),
    ("sent_again", {"last_arrives": False}),
    ("sent_again", {"passes": True}),
    ("sent_again", {"no_probing": TIMES[:4]}),
    ("sent_again", {"length_again": BASE}),
    ("sent_again", {"no_probing_sizes": ((MTU, FULL), (NARROW, BASE))}),
    ("base_mss_arrives", {"reduced": 500}),
    ("base_mss_arrives", {"probing_sizes": ((MTU, FULL), (NARROW, BASE))}),
    ("base_mss_arrives", {"probing_sizes": ((MTU, FULL),)}),
    ("reduced_after_tcp_retries1", {"probing": (*TIMES[:3], 1.6)}),
    ("reduced_after_tcp_retries1", {"probing": (*TIMES[:4], 3.5, 6.5)}),
]
MISSING: Named = [
    ("lost_silently", {"until": None}),
    ("lost_silently", {"until": 0.05}),  # nothing was sent meanwhile
    ("lost_silently", {"complete": False}),
    ("sent_again", {"handshakes": False}),
    ("sent_again", {"no_probing_sizes": ()}),
    ("base_mss_arrives", {"reduced_arrives": False}),
    ("sent_again", {"server_state": "SYN_RECV"}),
    ("base_mss_arrives", {"probing_sizes": ()}),
    ("base_mss_arrives", {"server_state": "SYN_RECV"}),
    ("reduced_after_tcp_retries1", {"probing": TIMES[:2]}),
    ("reduced_after_tcp_retries1", {"handshakes": False}),
]
test_verdicts = verdicts("black_hole", run, wrong=WRONG, missing=MISSING)
