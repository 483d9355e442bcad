"""The claims of disorder on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from badwire.claims import UNKNOWN
from badwire.claims.claim import Claim
from badwire.evidence import Evidence
from scenarios.disorder import (
    COPIED,
    DATA,
    DATAGRAMS,
    DUPLICATED,
    MIXED,
    NUMBERED,
    SEGMENTS,
    STREAM,
    counted,
    datagrams_as_they_arrive,
    header_lengths,
    stream_in_order,
)
from tests.claims.cases import Named, verdict_of, verdicts
from tests.claims.written import Written

MSS = len(DATA) // SEGMENTS
FIRST_IS_LAST = [*NUMBERED[1:], NUMBERED[0]]


def run(
    mixed: Sequence[str] = FIRST_IS_LAST,
    overtaking: bool = True,
    copied: Sequence[str] = tuple(sorted(2 * DUPLICATED)),
    early: bool = True,
    twice: bool = True,
    read: Sequence[bytes] = (DATA, DATA),
    old: int = 18,
    out_of_order: int = 2,
    queued: int = 1,
    counters: bool = True,
    segments: bool = True,
    datagrams: Sequence[bytes] = (b"00",),
    options: Mapping[str, Any] | None = None,
) -> Evidence:
    """A correct history, but for what is changed; without ``overtaking`` the second datagram is sent after the first
    one has arrived."""
    w = Written(scenario="disorder")
    if segments:
        w.segment("client", "server", 0.1, "S", seq=0, dport=STREAM, options={"mss": MSS})
        w.segment("server", "client", 0.2, "SA", ack=1, sport=STREAM, options={"mss": MSS})
        stream(w, 1.1, first=1, late=3 if early else None, twice=False, options=options)
        stream(w, 2.1, first=1 + len(DATA), late=None, twice=twice, options=options)
    for data in datagrams:
        w.datagram("client", "server", 1.2, data, dport=DATAGRAMS, delivered=1.25)
        w.datagram("client", "server", 1.21 if overtaking else 1.26, b"01", dport=DATAGRAMS)
    for phase, (note, received) in enumerate([(MIXED, mixed), (COPIED, copied)]):
        w.note(1 + phase, note)
        for number, text in enumerate(received):
            value = [text.encode(), ["10.0.0.3", 40001]]
            w.call("server", 1.3 + phase + number / 1000, "recvfrom", 65536, value=value, socket=2)
        for data in read[phase : phase + 1]:
            w.call("server", 1.5 + phase, "recv", 65536, value=data, socket=3)
    if counters:
        w.counters("server", 0, TcpExt_TCPDSACKOldSent=4, TcpExt_TCPDSACKOfoSent=4, TcpExt_TCPOFOQueue=4)
        w.counters(
            "server",
            3,
            TcpExt_TCPDSACKOldSent=4 + old,
            TcpExt_TCPDSACKOfoSent=4 + out_of_order,
            TcpExt_TCPOFOQueue=4 + queued,
        )
    return w.evidence()


def stream(w: Written, t: float, first: int, late: int | None, twice: bool, options: Mapping[str, Any] | None) -> None:
    """All of DATA in segments, a millisecond apart; the ``late`` one arrives 50 ms late, and all of them ``twice``."""
    for number in range(SEGMENTS):
        sent = t + number / 1000
        arrived = sent + 0.05 if number == late else sent
        delivered = (arrived, arrived + 0.1) if twice else arrived
        data = DATA[number * MSS :][:MSS]
        seq = first + number * MSS
        w.segment(
            "client", "server", sent, "A", seq=seq, ack=1, data=data, dport=STREAM, options=options, delivered=delivered
        )


WRONG: Named = [
    ("datagrams_as_they_arrive", {"mixed": NUMBERED}),
    ("datagrams_as_they_arrive", {"mixed": FIRST_IS_LAST[1:]}),
    ("datagrams_as_they_arrive", {"mixed": ["0102", *FIRST_IS_LAST[2:]]}),
    ("datagrams_as_they_arrive", {"copied": DUPLICATED}),
    ("stream_in_order", {"early": False}),
    ("stream_in_order", {"twice": False}),
    ("stream_in_order", {"read": (DATA[:MSS], DATA)}),
    ("stream_in_order", {"read": (DATA, DATA[:-1] + b"x")}),
    ("counted", {"out_of_order": 3}),
    ("counted", {"queued": 0}),
    ("counted", {"twice": False}),
    ("header_lengths", {"options": {"timestamps": (1, 2)}}),
    ("header_lengths", {"datagrams": [b"00", b"0"]}),  # a header of 7 bytes, since the program sent two
    ("header_lengths", {"datagrams": [b"00", b"000"]}),
]
MISSING: Named = [
    ("datagrams_as_they_arrive", {"mixed": ()}),
    ("datagrams_as_they_arrive", {"copied": ()}),
    ("datagrams_as_they_arrive", {"datagrams": ()}),
    ("datagrams_as_they_arrive", {"mixed": NUMBERED, "overtaking": False}),  # sent too slowly, on a busy machine
    ("stream_in_order", {"segments": False}),
    ("stream_in_order", {"read": ()}),
    ("counted", {"counters": False}),
    ("counted", {"segments": False}),
    ("header_lengths", {"segments": False}),
    ("header_lengths", {"datagrams": ()}),
]
test_verdicts = verdicts("disorder", run, wrong=WRONG, missing=MISSING)


@pytest.mark.parametrize("claim", [datagrams_as_they_arrive, stream_in_order, counted, header_lengths])
def test_it_is_unknown_where_only_the_phases_were_recorded(claim: Claim) -> None:
    w = Written()
    w.note(1, MIXED)
    w.note(2, COPIED)
    assert verdict_of(claim, w.evidence()) is UNKNOWN
