"""The claims of corruption on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Mapping
from dataclasses import replace

from badwire.evidence import Evidence
from badwire.packets.pcapng import Captured
from scenarios.corruption import DATA, DATAGRAMS, END, STREAM, UDP_CHECKSUM, WORDS
from tests.claims import forged
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written

PIECE = 1024  # bytes of DATA in the segment
COUNTS = {"Tcp": 1, "Udp": 1}
SENT = (b"4", b"5", b"6", END)
DAMAGED = b"5"
# Bits of a frame, counted from 0.
OF_DATAGRAM = 8 * 42
OF_SEQUENCE = 8 * 40
OF_SEGMENT = 8 * 700
# Two bits that the sum does not tell apart: one is set, and the same one of another 16-bit word is not.
UNNOTICED_IN_DATAGRAM = (8 * 35, 8 * 37)  # of the ports
UNNOTICED_IN_SEGMENT = (8 * 55 + 1, 8 * 57 + 1)  # of the data


def flip(frame: bytes, *bits: int) -> bytes:
    """The frame with these bits wrong."""
    for bit in bits:
        frame = forged.flip(frame, bit)
    return frame


def other_checksum(captured: Captured) -> Captured:
    """A datagram with another checksum, as if it were not a sum."""
    data = captured.data
    return replace(captured, data=data[: UDP_CHECKSUM.start] + b"ab" + data[UDP_CHECKSUM.stop :])


def run(
    datagrams: bool = True,
    stream: bool = True,
    damaged_datagram: bool = True,
    damaged_segment: bool = True,
    checksum_right: bool = False,
    segment_checksum_right: bool = False,
    counts: Mapping[str, int] | None = COUNTS,
    sent_again: bool = True,
    got: tuple[bytes, ...] = (b"4", b"6", END),
    read: bytes | None = DATA,
    words: tuple[bytes, ...] = WORDS,
    same_sum: bool = True,
    sum_of_segments_right: bool = True,
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing."""
    w = Written(scenario="corruption")
    if datagrams:
        for number, data in enumerate(words):
            w.datagram("client", "server", number / 100, data, dport=DATAGRAMS)
            got = (*got[:number], data, *got[number:]) if got else got
        if not same_sum:
            w.captured[:2] = [other_checksum(each) for each in w.captured[:2]]
    if datagrams:
        for number, data in enumerate(SENT):
            t = 0.1 + number / 10
            built = w.datagram("client", "server", t, data, dport=DATAGRAMS, lost=True)
            del w.captured[-1:]
            arrives = None
            if data == DAMAGED and damaged_datagram:
                arrives = flip(built, *(UNNOTICED_IN_DATAGRAM if checksum_right else (OF_DATAGRAM,)))
            w.frame("client", "server", t, built, arrives_as=arrives)
    if stream:
        w.segment("client", "server", 1, "S", dport=STREAM)
        w.segment("server", "client", 1.1, "SA", ack=1, sport=STREAM)
        w.segment("client", "server", 1.2, "A", seq=1, ack=1, dport=STREAM)
        built = w.segment("client", "server", 1.3, "A", seq=1, ack=1, data=DATA[:PIECE], dport=STREAM)
        if damaged_segment:
            del w.captured[-2:]
            arrives = flip(built, *(UNNOTICED_IN_SEGMENT if segment_checksum_right else (OF_SEGMENT,)))
            w.frame("client", "server", 1.3, built, arrives_as=arrives)
        if sent_again:
            w.segment("client", "server", 1.5, "A", seq=1, ack=1, data=DATA[:PIECE], dport=STREAM)
    if not sum_of_segments_right:
        built = w.segment("server", "client", 3, "A", seq=1, ack=1, sport=STREAM)
        del w.captured[-2:]
        w.frame("server", "client", 3, flip(built, OF_SEQUENCE))
    if counts:
        w.counters("server", 0, **{f"{name}_InCsumErrors": 5 for name in counts})
        w.counters("server", 2, **{f"{name}_InCsumErrors": 5 + count for name, count in counts.items()})
    for number, data in enumerate(got):
        w.call("server", 2 + number / 10, "recvfrom", 65536, value=[data, ["10.0.0.3", 40001]])
    if read is not None:
        w.call("server", 3, "recv", 65536, value=read, socket=2)
    return w.evidence()


WRONG: Named = [
    ("wrong_checksum", {"checksum_right": True}),
    ("wrong_checksum", {"segment_checksum_right": True}),
    ("sum_of_words", {"sum_of_segments_right": False}),
    ("sum_of_words", {"words": WORDS[:1]}),
    ("sum_of_words", {"words": (*WORDS, WORDS[0])}),
    ("sum_of_words", {"same_sum": False}),
    ("sum_of_words", {"words": (WORDS[0], WORDS[0])}),
    ("counted", {"counts": {"Tcp": 0, "Udp": 1}}),
    ("counted", {"counts": {"Tcp": 1, "Udp": 2}}),
    ("undamaged_datagrams", {"got": (b"4", b"5", b"6", END)}),
    ("undamaged_datagrams", {"got": (b"4", END)}),
    ("undamaged_datagrams", {"damaged_datagram": False}),
    ("undamaged_datagrams", {"damaged_datagram": False, "got": SENT}),
    ("repaired", {"sent_again": False}),
    ("repaired", {"read": DATA[:-1] + b"x"}),
]
MISSING: Named = [
    ("wrong_checksum", {"damaged_datagram": False}),
    ("wrong_checksum", {"damaged_segment": False}),
    ("sum_of_words", {"stream": False}),
    ("sum_of_words", {"words": ()}),
    ("counted", {"counts": {"Tcp": 1}}),
    ("counted", {"damaged_datagram": False, "damaged_segment": False}),
    ("undamaged_datagrams", {"datagrams": False, "got": ()}),
    ("undamaged_datagrams", {"got": ()}),
    ("repaired", {"stream": False}),
    ("repaired", {"damaged_segment": False}),
    ("repaired", {"read": None}),
]
test_verdicts = verdicts("corruption", run, wrong=WRONG, missing=MISSING)
