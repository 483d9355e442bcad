"""What a Reset drops, passes and answers, frame by frame."""

import random

import pytest

from badwire.faults import Reset
from badwire.packets.checksum import checksums_right
from badwire.packets.packet import Packet, decode
from tests.claims import forged
from tests.quick import no_leftovers as no_leftovers

ENDS = ("02:00:00:00:00:03", "02:00:00:00:00:02", "10.0.0.3", "10.0.0.2")
ENDS6 = (*ENDS[:2], "fd00::3", "fd00::2")
PORTS = (40001, 7000)
SEQ, ACK = 1000, 5000


def answers(fault: Reset, frame: bytes) -> list[Packet]:
    """What the wire sends when this frame comes, after checks that the frame is dropped and the checksums are right."""
    rule = fault.relay(random.Random(1))
    assert rule(frame, 5) == ("drop", ())
    built = rule.answers(frame)
    assert all(checksums_right(each) for each in built)
    return [decode(each) for each in built]


def passes(fault: Reset, frame: bytes) -> bool:
    return fault.relay(random.Random(1))(frame, 5) == ("", ((frame, 5),))


@pytest.mark.parametrize("ends", [ENDS, ENDS6])
def test_both_ends_get_a_reset_that_they_accept(ends: forged.Ends) -> None:
    back, onward = answers(Reset(), forged.tcp(ends, PORTS, "PA", seq=SEQ, ack=ACK, data=b"hello"))
    assert back.tcp is not None and back.ip is not None
    assert (back.source_mac, back.destination_mac) == (ENDS[1], ENDS[0])
    assert (back.ip.source, back.ip.destination) == (ends[3], ends[2])
    assert (back.tcp.source_port, back.tcp.destination_port) == PORTS[::-1]
    assert (back.tcp.flags, back.tcp.seq) == ("R", ACK)  # the number that the sender expects next
    assert onward.tcp is not None and onward.ip is not None
    assert (onward.source_mac, onward.destination_mac) == ENDS[:2]
    assert (onward.ip.source, onward.ip.destination) == ends[2:]
    assert (onward.tcp.source_port, onward.tcp.destination_port) == PORTS
    assert ("R" in onward.tcp.flags, onward.tcp.seq) == (True, SEQ)  # and the one that the receiver does


@pytest.mark.parametrize(("flags", "data", "acknowledged"), [("S", b"", 1), ("S", b"early", 6), ("F", b"", 1)])
def test_a_segment_without_an_ack_is_acknowledged_by_its_reset(flags: str, data: bytes, acknowledged: int) -> None:
    back, _ = answers(Reset(), forged.tcp(ENDS, PORTS, flags, seq=SEQ, data=data))
    assert back.tcp is not None
    assert (set(back.tcp.flags), back.tcp.seq, back.tcp.ack) == ({"R", "A"}, 0, SEQ + acknowledged)


def test_the_numbers_wrap_around() -> None:
    back, _ = answers(Reset(), forged.tcp(ENDS, PORTS, "S", seq=2**32 - 1))
    assert back.tcp is not None and back.tcp.ack == 0


@pytest.mark.parametrize(
    "frame",
    [
        forged.tcp(ENDS, PORTS, "R", seq=SEQ),  # a reset is never answered, so two cannot answer each other
        forged.tcp(ENDS6, PORTS, "RA", seq=SEQ),
        forged.udp(ENDS, PORTS, b"hello"),
        forged.arp(ENDS),
        forged.neighbour(ENDS6, "fd00::2"),
        *forged.fragments(forged.udp(ENDS, PORTS, bytes(100)), 48),
        forged.tcp(ENDS, PORTS, "S")[:40],
        b"",
    ],
)
def test_what_is_no_segment_passes(frame: bytes) -> None:
    assert passes(Reset(), frame)


CODES = {
    "port-unreachable": ((3, 3), (1, 4)),
    "host-unreachable": ((3, 1), (1, 3)),
    "admin-prohibited": ((3, 13), (1, 1)),
}


@pytest.mark.parametrize("answer", CODES)
@pytest.mark.parametrize(
    "make", [lambda ends: forged.tcp(ends, PORTS, "S"), lambda ends: forged.udp(ends, PORTS, b"x")]
)
def test_the_sender_is_told_by_icmp(answer: str, make: object) -> None:
    assert callable(make)
    (error,) = answers(Reset(answer=answer), make(ENDS))
    assert error.icmp is not None and error.ip is not None
    assert (error.icmp.type, error.icmp.code) == CODES[answer][0]
    assert (error.destination_mac, error.ip.source, error.ip.destination) == (ENDS[0], ENDS[3], ENDS[2])
    quoted = error.icmp.quoted
    assert quoted is not None and quoted.ip is not None and quoted.ip.destination == ENDS[3]
    (error,) = answers(Reset(answer=answer), make(ENDS6))
    assert error.icmp6 is not None and error.ip is not None
    assert (error.icmp6.type, error.icmp6.code) == CODES[answer][1]
    assert (error.destination_mac, error.ip.source, error.ip.destination) == (ENDS[0], ENDS6[3], ENDS6[2])
    assert error.icmp6.quoted is not None and error.icmp6.quoted.ports == PORTS


@pytest.mark.parametrize(
    "frame",
    [
        forged.unreachable(ENDS, forged.udp(ENDS, PORTS, b"hello")),  # no error about an error
        forged.too_big(ENDS6, forged.tcp(ENDS6, PORTS, "A"), 1280),
        forged.arp(ENDS),
        forged.neighbour(ENDS6, "fd00::2"),
        forged.fragments(forged.udp(ENDS, PORTS, bytes(100)), 48)[1],
    ],
)
def test_icmp_answers_nothing_else(frame: bytes) -> None:
    assert passes(Reset(answer="host-unreachable"), frame)
