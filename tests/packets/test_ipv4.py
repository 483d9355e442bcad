"""The IPv4 header of a frame: RFC 791 section 3.1."""

import struct

import pytest

from badwire.packets.ipv4 import DONT_FRAGMENT, ETHERNET_HEADER, MORE_FRAGMENTS, SHORTEST, TCP, UDP, ipv4_header, read
from tests.claims import forged

ENDS = ("02:00:00:00:00:03", "02:00:00:00:00:02", "10.0.0.3", "10.0.0.2")
SEGMENT = forged.tcp(ENDS, (40001, 7000), "PA", data=b"hello", ident=9)
FRAGMENT_AT = ETHERNET_HEADER + 6


def with_fragment(flags_and_offset: int) -> bytes:
    return SEGMENT[:FRAGMENT_AT] + struct.pack("!H", flags_and_offset) + SEGMENT[FRAGMENT_AT + 2 :]


def test_the_fields_of_a_header() -> None:
    header = ipv4_header(SEGMENT)
    assert header is not None
    assert header.at == ETHERNET_HEADER
    assert header.header_length == 20
    assert header.total_length == 45
    assert header.id == 9
    assert header.fragment == DONT_FRAGMENT
    assert header.ttl == 64
    assert header.protocol == TCP
    assert header.source == bytes([10, 0, 0, 3])
    assert header.destination == bytes([10, 0, 0, 2])


def test_where_the_payload_is() -> None:
    header = ipv4_header(SEGMENT)
    assert header is not None
    assert header.payload_at == 34
    assert header.payload_length == 25
    assert header.end == len(SEGMENT)


def test_the_padding_of_a_short_frame_lies_behind_the_end() -> None:
    header = ipv4_header(SEGMENT + bytes(6))
    assert header is not None
    assert header.end == len(SEGMENT)


def test_a_header_with_options_is_longer() -> None:
    with_options = SEGMENT[:ETHERNET_HEADER] + bytes([0x46]) + SEGMENT[ETHERNET_HEADER + 1 :]
    header = ipv4_header(with_options)
    assert header is not None
    assert header.header_length == 24
    assert header.payload_at == 38


def test_the_protocol_of_a_datagram() -> None:
    header = ipv4_header(forged.udp(ENDS, (40001, 7000), b"x"))
    assert header is not None
    assert header.protocol == UDP


@pytest.mark.parametrize(
    ("flags_and_offset", "later"),
    [
        (0, False),
        (DONT_FRAGMENT, False),
        (MORE_FRAGMENTS, False),
        (MORE_FRAGMENTS | 1, True),
        (185, True),
    ],
    ids=["whole", "not to be fragmented", "first fragment", "second fragment", "last fragment"],
)
def test_whether_it_is_a_later_fragment(flags_and_offset: int, later: bool) -> None:
    header = ipv4_header(with_fragment(flags_and_offset))
    assert header is not None
    assert header.is_later_fragment is later


@pytest.mark.parametrize(
    "frame",
    [
        forged.arp(ENDS),
        SEGMENT[:12] + b"\x86\xdd" + SEGMENT[14:],
        SEGMENT[:ETHERNET_HEADER] + bytes([0x65]) + SEGMENT[ETHERNET_HEADER + 1 :],
        SEGMENT[: ETHERNET_HEADER + SHORTEST - 1],
        b"",
    ],
    ids=["ARP", "type of IPv6", "version 6", "too short", "empty"],
)
def test_another_frame_has_no_header(frame: bytes) -> None:
    assert ipv4_header(frame) is None


def test_a_header_is_read_from_any_place() -> None:
    """An ICMP message quotes one without an Ethernet header."""
    header = read(b"quoted: " + SEGMENT[ETHERNET_HEADER:], 8)
    assert header is not None
    assert header.at == 8
    assert header.total_length == 45
    assert header.end == 8 + 45


def test_the_shortest_header_is_enough() -> None:
    assert ipv4_header(SEGMENT[: ETHERNET_HEADER + SHORTEST]) is not None
