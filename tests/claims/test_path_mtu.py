"""The claims of path_mtu on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence
from dataclasses import replace

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from badwire.util.jsonlines import WIRE
from scenarios.path_mtu import ETHERNET_MTU, FIRST, FITS, FULL, NEXT, SHORTER, SIZE
from tests.claims.cases import Changes, claims, verdict_of, verdicts
from tests.claims.written import Written, sock

FLAGS = 20  # where the flags of IP are in a frame
TIMESTAMPS = {"timestamps": (1, 2)}
BEFORE = (ETHERNET_MTU, FULL)
AFTER = (SIZE, FITS)


def run(
    lost: bool = True,
    reports: int = 3,
    reported: int = SIZE,
    code: int = 4,
    again: float | None = 0.301,
    lengths: Sequence[int] = SHORTER,
    short_one_lost: bool = False,
    long_one_arrives: bool = False,
    sizes: Sequence[tuple[int, int]] = (BEFORE, AFTER),
    server_sampled: bool = True,
    next_lengths: Sequence[int] = SHORTER,
    next_lost: bool = False,
    mss: int = 1160,
    opened: bool = True,
    dont_fragment: bool = True,
) -> Evidence:
    """A correct history, but for what is changed; times in seconds, None for what is missing."""
    w = Written(scenario="path_mtu")
    if opened:
        handshake(w, 0.1, FIRST, 1460)
        for about in send(w, 0.2, FIRST, (FULL, FULL, FULL), lost)[:reports]:
            w.unreachable(WIRE, "client", 0.3, about, code=code, next_mtu=reported)
        if again is not None:
            send(w, again, FIRST, lengths)
        if short_one_lost:
            about = w.segment("client", "server", 1.9, "A", seq=1, ack=1, dport=FIRST, lost=True)
            w.unreachable(WIRE, "client", 1.91, about, code=code, next_mtu=reported)
        if long_one_arrives:
            send(w, 1.9, FIRST, (FULL,))
        handshake(w, 2.1, NEXT, mss)
        send(w, 2.2, NEXT, next_lengths, next_lost)
    if server_sampled:
        w.sample("server", 0.15, [sock("ESTABLISHED", FIRST, 40001)])
    for place, (pmtu, snd_mss) in enumerate(sizes):
        info = {"pmtu": pmtu, "snd_mss": snd_mss}
        entry = sock("ESTABLISHED", 40001, FIRST, "10.0.0.3", "10.0.0.2", info=info)
        w.sample("client", 0.15 + place / 5, [entry])
    if not dont_fragment:
        syn = w.captured[0]
        w.captured[0] = replace(syn, data=syn.data[:FLAGS] + b"\0" + syn.data[FLAGS + 1 :])
    return w.evidence()


def handshake(w: Written, t: float, port: int, mss: int) -> None:
    """Three segments; the client's SYN names ``mss``."""
    w.segment("client", "server", t, "S", seq=0, dport=port, options={"mss": mss})
    w.segment("server", "client", t + 0.01, "SA", ack=1, sport=port, options={"mss": 1460})
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
    ("router_reports_its_mtu", {"dont_fragment": False}),
    ("router_reports_its_mtu", {"reported": SIZE - 1}),
    ("router_reports_its_mtu", {"code": 3}),
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
]
test_verdicts = verdicts("path_mtu", run, wrong=WRONG, missing=MISSING)


def test_a_kernel_may_announce_the_mss_of_its_own_link() -> None:
    claim = claims("path_mtu")["next_connection_knows"]
    assert verdict_of(claim, run(mss=1460)) is HOLDS
