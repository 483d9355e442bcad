"""What an Mtu passes, drops and says, frame by frame."""

import random

import pytest

from badwire.faults import Mtu
from badwire.packets.checksum import checksums_right
from badwire.packets.packet import decode
from tests.claims import forged
from tests.quick import no_leftovers as no_leftovers

ENDS = "02:00:00:00:00:02", "02:00:00:00:00:03", "10.0.0.2", "10.0.0.3"
PORTS = 40001, 7000


def segment(length: int, fragment: int = 0x4000) -> bytes:
    """A frame with an IPv4 datagram of so many bytes; ``fragment`` has its flags and offset."""
    frame = bytearray(forged.tcp(ENDS, PORTS, "A", seq=77, data=bytes(length - 40)))
    frame[20:22] = fragment.to_bytes(2, "big")
    return bytes(frame)


@pytest.mark.parametrize("tells", [True, False])
def test_what_fits_passes_and_a_byte_more_does_not(tells: bool) -> None:
    rule = Mtu(1000, tells).relay(random.Random(1))
    fits = segment(1000)
    assert rule(fits, 5) == ("", ((fits, 5),))
    assert rule(segment(1001), 5) == ("drop", ())


def test_the_length_is_that_of_the_datagram_and_not_of_a_padded_frame() -> None:
    fits = segment(60) + bytes(1000)
    assert Mtu(100).relay(random.Random(1))(fits, 5)[0] == ""


@pytest.mark.parametrize("frame", [forged.arp(ENDS) + bytes(100), bytes(12) + b"\x88\xb5" + b"\xff" * 100, b"\x08"])
def test_what_is_no_datagram_passes(frame: bytes) -> None:
    assert Mtu(68).relay(random.Random(1))(frame, 5) == ("", ((frame, 5),))


def test_the_answer_has_the_mtu_of_the_next_link() -> None:
    (words,) = Mtu(1000).relay(random.Random(1)).answers(segment(1500))
    assert checksums_right(words)
    packet = decode(words)
    assert (packet.source_mac, packet.destination_mac) == (ENDS[1], ENDS[0])
    assert packet.ip is not None and (packet.ip.source, packet.ip.destination) == (ENDS[3], ENDS[2])
    assert packet.icmp is not None and (packet.icmp.type, packet.icmp.code, packet.icmp.next_mtu) == (3, 4, 1000)
    quoted = packet.icmp.quoted
    assert quoted is not None and quoted.ip is not None and quoted.ip.length == 1500
    assert words[-8:] == segment(1500)[34:42]  # ports and sequence number, by which the sender knows its segment


@pytest.mark.parametrize(
    ("tells", "frame"),
    [
        (False, segment(1500)),
        (True, segment(1500, fragment=0)),  # it may be fragmented, which this wire does not do
        (True, segment(1500, fragment=0x4001)),  # a later fragment has no ports
        (True, forged.unreachable(ENDS, segment(1500)) + bytes(100)),
    ],
)
def test_the_sender_gets_no_answer(tells: bool, frame: bytes) -> None:
    assert Mtu(1000, tells).relay(random.Random(1)).answers(frame) == ()


LOCAL = (*ENDS[:2], "fe80::3", "fe80::2")


def test_a_datagram_of_ipv6_that_is_too_long() -> None:
    rule = Mtu(1300).relay(random.Random(1))
    fits, too_long = (forged.tcp(LOCAL, PORTS, "A", seq=77, data=bytes(size - 60)) for size in (1300, 1301))
    assert rule(fits, 5) == ("", ((fits, 5),)) and rule(too_long, 5) == ("drop", ())
    (words,) = rule.answers(too_long)
    assert checksums_right(words) is True and len(words) == 14 + 1280
    packet = decode(words)
    assert (packet.source_mac, packet.destination_mac) == (ENDS[1], ENDS[0])
    assert packet.ip is not None and (packet.ip.source, packet.ip.destination) == (LOCAL[3], LOCAL[2])
    assert packet.icmp6 is not None and (packet.icmp6.type, packet.icmp6.next_mtu) == (2, 1300)
    assert packet.icmp6.quoted is not None and packet.icmp6.quoted.ports == PORTS
    assert rule.answers(words) == ()  # no error about an error
    assert Mtu(1300, tells=False).relay(random.Random(1)).answers(too_long) == ()
    later = forged.fragments(forged.udp(LOCAL, PORTS, bytes(3000)), 1448)[1]
    assert rule(later, 5) == ("drop", ()) and rule.answers(later) == ()
