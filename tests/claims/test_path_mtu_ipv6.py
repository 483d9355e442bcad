"""The claims of path_mtu_ipv6 on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Sequence

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from badwire.util.jsonlines import WIRE
from scenarios.path_mtu_ipv6 import (
    DATAGRAM,
    DATAGRAMS,
    ETHERNET_MTU,
    FIRST,
    FITS,
    FRAGMENT_HEADER,
    FULL,
    HEADER,
    MSS_OF_LINK,
    MSS_OF_PATH,
    NEXT,
    SHORTER,
    SIZE,
)
from tests.claims import forged
from tests.claims.cases import Changes, claims, verdict_of, verdicts
from tests.claims.written import Written, sock

TIMESTAMPS = {"timestamps": (1, 2)}
BEFORE = (ETHERNET_MTU, FULL)
AFTER = (SIZE, FITS)
PIECE = SIZE - HEADER - FRAGMENT_HEADER  # bytes of a datagram in its first fragment


def run(
    lost: bool = True,
    reports: int = 3,
    reported: int = SIZE,
    code: int = 0,
    again: float | None = 0.301,
    lengths: Sequence[int] = SHORTER,
    short_one_lost: bool = False,
    long_one_arrives: bool = False,
    sizes: Sequence[tuple[int, int]] = (BEFORE, AFTER),
    server_sampled: bool = True,
    next_lengths: Sequence[int] = SHORTER,
    next_lost: bool = False,
    mss: int = MSS_OF_PATH,
    opened: bool = True,
    piece: int = PIECE,
    fragments_lost: bool = False,
    sent_whole: bool = False,
    received: int | None = len(DATAGRAM),
) -> Evidence:
    """A correct history, but for what is changed; times in seconds, None for what is missing."""
    w = Written(scenario="path_mtu_ipv6", ipv6=True)
    w.version = 4
    w.arp("client", "server", 0.05)
    w.version = 6
    if opened:
        handshake(w, 0.1, FIRST, MSS_OF_LINK)
        for about in send(w, 0.2, FIRST, (FULL, FULL, FULL), lost)[:reports]:
            w.too_big(WIRE, "client", 0.3, about, reported, code)
        if again is not None:
            send(w, again, FIRST, lengths)
        if short_one_lost:
            about = w.segment("client", "server", 1.9, "A", seq=1, ack=1, dport=FIRST, lost=True)
            w.too_big(WIRE, "client", 1.91, about, reported, code)
        if long_one_arrives:
            send(w, 1.9, FIRST, (FULL,))
        handshake(w, 2.1, NEXT, mss)
        send(w, 2.2, NEXT, next_lengths, next_lost)
    if server_sampled:
        w.sample("server", 0.15, [sock("ESTABLISHED", FIRST, 40001, "fd00::2", "fd00::3")])
    for place, (pmtu, snd_mss) in enumerate(sizes):
        info = {"pmtu": pmtu, "snd_mss": snd_mss}
        entry = sock("ESTABLISHED", 40001, FIRST, "fd00::3", "fd00::2", info=info)
        w.sample("client", 0.15 + place / 5, [entry])
    ends = (w.mac("client"), w.mac("server"), "fd00::3", "fd00::2")
    whole = forged.udp(ends, (40001, DATAGRAMS), DATAGRAM)
    for frame in [whole] if sent_whole else forged.fragments(whole, piece):
        w.frame("client", "server", 3.0, frame, lost=fragments_lost)
    if received is not None:
        w.call("server", 3.1, "recvfrom", 65536, value=[bytes(received), ["fd00::3", 40001, 0, 0]])
    return w.evidence()


def handshake(w: Written, t: float, port: int, mss: int) -> None:
    """Three segments; the client's SYN names ``mss``."""
    w.segment("client", "server", t, "S", seq=0, dport=port, options={"mss": mss})
    w.segment("server", "client", t + 0.01, "SA", ack=1, sport=port, options={"mss": MSS_OF_LINK})
    w.segment("client", "server", t + 0.02, "A", seq=1, ack=1, dport=port)


def send(w: Written, t: float, port: int, lengths: Sequence[int], lost: bool = False) -> list[bytes]:
    """Data of the client from its beginning, in segments of these lengths; gives the frames."""
    sent = []
    seq = 1
    for place, length in enumerate(lengths):
        at = t + place / 10_000
        data = bytes(length)
        sent.append(
            w.segment("client", "server", at, "A", seq=seq, ack=1, data=data, options=TIMESTAMPS, dport=port, lost=lost)
        )
        seq += length
    return sent


WRONG: list[tuple[str, Changes]] = [
    ("router_reports_its_mtu", {"reported": SIZE - 1}),
    ("router_reports_its_mtu", {"code": 1}),
    ("router_reports_its_mtu", {"reports": 2}),
    ("router_reports_its_mtu", {"lost": False}),
    ("router_reports_its_mtu", {"next_lost": True}),
    ("router_reports_its_mtu", {"long_one_arrives": True}),
    ("router_reports_its_mtu", {"short_one_lost": True}),
    ("sender_shortens_segments", {"sizes": (BEFORE,)}),
    ("sender_shortens_segments", {"sizes": (BEFORE, (ETHERNET_MTU, FITS))}),
    ("sender_shortens_segments", {"sizes": (BEFORE, (SIZE, FULL))}),
    ("sent_again_at_once", {"again": 0.51}),
    ("sent_again_at_once", {"lengths": (FULL, FITS)}),
    ("next_connection_knows", {"next_lengths": (FULL, FITS, FITS)}),
    ("next_connection_knows", {"next_lost": True}),
    ("next_connection_knows", {"mss": 1300}),
    ("sender_fragments", {"piece": PIECE - 8}),
    ("sender_fragments", {"piece": 512}),
    ("sender_fragments", {"fragments_lost": True}),
    ("sender_fragments", {"received": PIECE}),
]
MISSING: list[tuple[str, Changes]] = [
    ("router_reports_its_mtu", {"reports": 0}),
    ("router_reports_its_mtu", {"opened": False}),
    ("sender_shortens_segments", {"sizes": ()}),
    ("sender_shortens_segments", {"server_sampled": False}),
    ("sender_shortens_segments", {"opened": False}),
    ("sent_again_at_once", {"again": None}),
    ("sent_again_at_once", {"reports": 0}),
    ("next_connection_knows", {"next_lengths": ()}),
    ("sender_fragments", {"received": None}),
    ("sender_fragments", {"sent_whole": True}),
]
test_verdicts = verdicts("path_mtu_ipv6", run, wrong=WRONG, missing=MISSING)


def test_a_kernel_may_announce_the_mss_of_its_own_link() -> None:
    claim = claims("path_mtu_ipv6")["next_connection_knows"]
    assert verdict_of(claim, run(mss=MSS_OF_LINK)) is HOLDS
