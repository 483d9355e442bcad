"""Decoded IPv6 frames: addresses, extension headers, TCP, UDP, ICMPv6, and what cannot be read."""

import struct

import pytest

from badwire.packets.checksum import checksums_right
from badwire.packets.ip import ip_header
from badwire.packets.packet import decode
from tests.claims import forged

ENDS = ("02:00:00:00:00:03", "02:00:00:00:00:02", "fe80::3", "fe80::2")
ENDS4 = ("02:00:00:00:00:03", "02:00:00:00:00:02", "10.0.0.3", "10.0.0.2")
OPTIONS = (60, bytes(8))  # destination options
HOPS = (0, bytes(8))
ROUTING = (43, bytes([0, 2]) + bytes(22))
AUTHENTICATION = (51, bytes([0, 4]) + bytes(22))
WHOLE = (44, struct.pack("!BxHI", 0, 0, 7))  # a fragment header in a datagram of one piece (RFC 6946)


def test_a_segment() -> None:
    frame = forged.tcp(ENDS, (40001, 7000), "RA", 5, 6, b"abc", options={"mss": 1440})
    packet = decode(frame)
    assert packet.protocol == "tcp" and packet.ports == (40001, 7000) and not packet.unread
    assert packet.ip and (packet.ip.version, packet.ip.source, packet.ip.destination) == (6, "fe80::3", "fe80::2")
    assert (packet.ip.ttl, packet.ip.length, packet.ip.is_fragment) == (64, len(frame) - 14, False)
    assert packet.tcp and (packet.tcp.flags, packet.tcp.captured, packet.tcp.options.mss) == ("RA", b"abc", 1440)
    assert checksums_right(frame) is True and checksums_right(forged.flip(frame, 8 * 60)) is False


@pytest.mark.parametrize(
    "headers",
    [(HOPS,), (OPTIONS,), (HOPS, ROUTING, OPTIONS), (AUTHENTICATION,), (WHOLE,), (HOPS, WHOLE, OPTIONS)],
)
def test_extension_headers_are_passed_over(headers: tuple[tuple[int, bytes], ...]) -> None:
    frame = forged.extended(forged.tcp(ENDS, (40001, 7000), "S", data=b"abc"), *headers)
    packet = decode(frame)
    assert packet.tcp and (packet.tcp.flags, packet.tcp.captured, packet.tcp.data_length) == ("S", b"abc", 3)
    header = ip_header(frame)
    assert header and (header.protocol, header.payload_length, header.end) == (6, 23, len(frame))


def test_a_datagram_and_what_icmpv6_quotes_of_it() -> None:
    frame = forged.udp(ENDS, (40001, 7000), b"hello")
    packet = decode(frame)
    assert packet.udp and (packet.udp.captured, packet.ports) == (b"hello", (40001, 7000))
    unreachable = bytes([1, 4]) + bytes(6) + frame[14:]
    answer = decode(frame[:18] + struct.pack("!HBB", len(unreachable), 58, 64) + frame[22:54] + unreachable)
    assert answer.protocol == "icmp6" and answer.icmp is None and answer.icmp6
    assert (answer.icmp6.type, answer.icmp6.code, answer.icmp6.next_mtu) == (1, 4, None)
    assert answer.icmp6.quoted and answer.icmp6.quoted.ports == (40001, 7000)
    too_big = bytes([2, 0, 0, 0, 0, 0, 5, 0]) + frame[14:]
    answer = decode(frame[:18] + struct.pack("!HBB", len(too_big), 58, 64) + frame[22:54] + too_big)
    assert answer.icmp6 and answer.icmp6.next_mtu == 1280


def test_neighbour_discovery() -> None:
    asks = decode(forged.neighbour(ENDS, "fe80::2"))
    assert asks.icmp6 and (asks.icmp6.type, asks.icmp6.target) == (135, "fe80::2") and asks.icmp6.is_neighbour_discovery
    answers = decode(forged.neighbour(ENDS, "fe80::3", answer=True))
    assert answers.icmp6 and (answers.icmp6.type, answers.icmp6.target) == (136, "fe80::3")


@pytest.mark.parametrize("ends", [ENDS, ENDS4])
def test_later_fragments_have_no_ports(ends: forged.Ends) -> None:
    frame = forged.udp(ends, (40001, 7000), bytes(range(100)))
    first, second, third = [decode(piece) for piece in forged.fragments(frame, 48)]
    assert first.ip and first.ip.is_fragment and first.ports == (40001, 7000) and not first.unread
    assert second.ip and (second.ip.offset, second.ip.more_fragments, second.ip.id) == (48, True, 99)
    assert third.ip and (third.ip.offset, third.ip.more_fragments, third.ports) == (96, False, None)
    assert second.unread == third.unread == "later fragments of UDP"


def raw(protocol: int) -> bytes:
    frame = bytearray(forged.udp(ENDS4, (1, 2)))
    frame[23] = protocol
    return bytes(frame)


def raw6(protocol: int) -> bytes:
    frame = bytearray(forged.udp(ENDS, (1, 2)))
    frame[20] = protocol
    return bytes(frame)


SEGMENT4, SEGMENT6 = forged.tcp(ENDS4, (1, 2), "S"), forged.tcp(ENDS, (1, 2), "S")


@pytest.mark.parametrize(
    ("frame", "unread"),
    [
        (SEGMENT4, ""),
        (SEGMENT6, ""),
        (forged.arp(ENDS4), ""),
        (raw(2), ""),  # IGMP carries nothing else
        (raw6(59), ""),  # no next header
        (raw(47), "IP protocol 47"),  # GRE carries any other protocol
        (raw6(50), "IP protocol 50"),
        (raw6(4), "IP protocol 4"),
        (SEGMENT4[:50], "TCP cut short"),
        (SEGMENT6[:70], "TCP cut short"),
        (SEGMENT4[:30], "IPv4 cut short"),
        (SEGMENT6[:50], "IPv6 cut short"),
        (forged.extended(SEGMENT6, HOPS)[:60], "IPv6 cut short"),
        (forged.extended(SEGMENT6, ROUTING)[:62], "TCP cut short"),
        (forged.arp(ENDS4)[:30], "ARP cut short"),
        (SEGMENT4[:12] + b"\x81\x00\x00\x05" + SEGMENT4[12:], "ethertype 0x8100"),  # a VLAN's tag
        (SEGMENT4[:12] + b"\x88\xcc" + bytes(40), "ethertype 0x88cc"),
        (SEGMENT4[:12] + b"\x00\x26" + bytes(40), "ethertype 0x0026"),
        (b"", "ethertype 0x0000"),
    ],
)
def test_what_cannot_be_read_is_named(frame: bytes, unread: str) -> None:
    assert decode(frame).unread == unread


def test_no_damage_is_an_error() -> None:
    """Each bit wrong, and each length cut: decoding never raises."""
    segment = forged.extended(forged.tcp(ENDS, (40001, 7000), "S", options={"mss": 1440}), HOPS, WHOLE, OPTIONS)
    for frame in (
        segment,
        forged.neighbour(ENDS, "fe80::2"),
        *forged.fragments(forged.udp(ENDS, (1, 2), bytes(60)), 32),
    ):
        for bit in range(8 * len(frame)):
            decode(forged.flip(frame, bit))
            checksums_right(forged.flip(frame, bit))
        for size in range(len(frame)):
            decode(frame[:size])
            checksums_right(frame[:size])
