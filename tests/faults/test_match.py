"""Which frames are meant, on frames built here byte by byte; and Nth, which counts them."""

import random
import struct

import pytest

from badwire.faults import Fault, Hold, Nth
from badwire.faults.selection import Matcher
from tests.claims import forged
from tests.quick import no_leftovers as no_leftovers

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def matcher(fault: Fault) -> Matcher:
    """Whether the fault applies to a frame, whoever sent it."""
    return fault.matcher({}) or (lambda frame: True)


def ip(protocol: int, body: bytes, fragment: int = 0, padding: int = 0, options: int = 0, ident: int = 1) -> bytes:
    length = 20 + options + len(body)
    words = struct.pack("!BBHHHBBH", 0x45 + options // 4, 0, length, ident, fragment, 64, protocol, 0)
    return bytes(12) + b"\x08\x00" + words + bytes(8 + options) + body + bytes(padding)


def tcp(flags: int, data: bytes = b"", source: int = 40000, target: int = 80, seq: int = 1, **more: int) -> bytes:
    return ip(6, struct.pack("!HHLLBBHHH12x", source, target, seq, 0, 8 << 4, flags, 0, 0, 0) + data, **more)


def udp(data: bytes = b"", source: int = 40000, target: int = 53, **more: int) -> bytes:
    return ip(17, struct.pack("!HHHH", source, target, 8 + len(data), 0) + data, **more)


FRAMES = {
    "syn": tcp(SYN),
    "syn-ack": tcp(SYN | ACK, source=80, target=40000),
    "ack": tcp(ACK, padding=6),
    "data": tcp(ACK | PSH, b"hello"),
    "data with options": tcp(ACK, b"hello", options=8),
    "fin": tcp(FIN | ACK),
    "fin with data": tcp(FIN | ACK | PSH, b"bye"),
    "bare fin": tcp(FIN),
    "rst": tcp(RST),
    "rst-ack": tcp(RST | ACK),
    "udp": udp(b"hello"),
    "empty udp": udp(padding=10),
    "first fragment": udp(b"hello", fragment=0x2000),
    "later fragment": ip(17, b"\0\x35\0\x35" * 10, fragment=100, ident=9),
    "icmp": ip(1, bytes(30)),
    "arp": bytes(12) + b"\x08\x06" + bytes(28),
    "ipv6": bytes(12) + b"\x86\xdd" + bytes(60),
    "cut short": tcp(SYN)[:40],
    "runt": bytes(14),
    "nothing": b"",
}
TCP = {name for name, frame in FRAMES.items() if frame[23:24] == b"\6"} - {"cut short"}


@pytest.mark.parametrize(
    ("match", "meant"),
    [
        ({}, set(FRAMES)),
        ({"protocol": "tcp"}, TCP | {"cut short"}),
        ({"protocol": "udp"}, {"udp", "empty udp", "first fragment", "later fragment"}),
        ({"protocol": "icmp"}, {"icmp"}),
        ({"protocol": "arp"}, {"arp"}),
        ({"flags": "S"}, {"syn"}),
        ({"flags": "SA"}, {"syn-ack"}),
        ({"flags": "S."}, {"syn-ack"}),
        ({"flags": "F"}, {"fin", "fin with data", "bare fin"}),
        ({"flags": "FA"}, {"fin", "fin with data"}),
        ({"flags": "R"}, {"rst", "rst-ack"}),
        ({"flags": "A"}, {"ack", "data", "data with options"}),
        ({"flags": "P"}, {"data"}),
        ({"flags": "A", "data": False}, {"ack"}),
        ({"data": True}, {"data", "data with options", "fin with data", "udp", "first fragment"}),
        ({"data": False}, {"syn", "syn-ack", "ack", "fin", "bare fin", "rst", "rst-ack", "empty udp"}),
        ({"data": True, "protocol": "tcp"}, {"data", "data with options", "fin with data"}),
        ({"port": 80}, TCP),
        ({"from_port": 80}, {"syn-ack"}),
        ({"to_port": 80}, TCP - {"syn-ack"}),
        ({"from_port": 40000, "to_port": 53}, {"udp", "empty udp", "first fragment"}),
        ({"port": 7}, set()),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_meant(match: dict[str, object], meant: set[str]) -> None:
    matches = matcher(Hold.from_json(match))
    assert {name for name, frame in FRAMES.items() if matches(frame)} == meant


LOCAL = ("02:00:00:00:00:03", "02:00:00:00:00:02", "fe80::3", "fe80::2")
OVER_IPV6 = {
    "syn": forged.tcp(LOCAL, (40000, 80), "S"),
    "syn after options": forged.extended(forged.tcp(LOCAL, (40000, 80), "S"), (0, bytes(8)), (60, bytes(8))),
    "data": forged.tcp(LOCAL, (40000, 80), "PA", data=b"hello"),
    "rst": forged.tcp(LOCAL, (80, 40000), "RA"),
    "udp": forged.udp(LOCAL, (40000, 53), b"hello"),
    "neighbour": forged.neighbour(LOCAL, "fe80::2"),
    "cut short": forged.tcp(LOCAL, (40000, 80), "S")[:50],
}


@pytest.mark.parametrize(
    ("match", "meant"),
    [
        ({"protocol": "tcp"}, {"syn", "syn after options", "data", "rst"}),
        ({"protocol": "udp"}, {"udp"}),
        ({"protocol": "icmp"}, set()),
        ({"protocol": "icmp6"}, {"neighbour"}),
        ({"flags": "S"}, {"syn", "syn after options"}),
        ({"flags": "R", "from_port": 80}, {"rst"}),
        ({"data": True}, {"data", "udp"}),
        ({"port": 53}, {"udp"}),
    ],
)
def test_ipv6_is_matched_like_ipv4(match: dict[str, object], meant: set[str]) -> None:
    matches = matcher(Hold.from_json(match))
    assert {name for name, frame in OVER_IPV6.items() if matches(frame)} == meant


def dropped(fault: Fault, frames: list[bytes]) -> list[int]:
    """The places, from 1, of the frames that the fault drops."""
    rule, matches = fault.relay(random.Random(1)), matcher(fault)
    return [place for place, frame in enumerate(frames, 1) if matches(frame) and rule(frame, 0)[0] == "drop"]


def test_nth_counts_what_matches() -> None:
    frames = [tcp(SYN), tcp(ACK), tcp(ACK, b"a"), tcp(ACK), tcp(ACK, b"b"), tcp(ACK, b"c"), tcp(ACK, b"d")]
    assert dropped(Nth(1), frames) == [1]
    assert dropped(Nth(7), frames) == [7]
    assert dropped(Nth(8), frames) == []
    assert dropped(Nth(2, data=True), frames) == [5]
    assert dropped(Nth(2, data=True, times=2), frames) == [5, 6]
    assert dropped(Nth(2, data=True, times=None), frames) == [5, 6, 7]


def test_nth_can_lose_each_so_many_of_what_matches() -> None:
    frames = [udp(b"x"), *(tcp(ACK, b"x", seq=seq) for seq in range(9)), tcp(ACK)]
    assert dropped(Nth(2, times=None, every=3, data=True, protocol="tcp"), frames) == [3, 6, 9]
    assert dropped(Nth(2, times=2, every=3, data=True, protocol="tcp"), frames) == [3, 6]
    assert dropped(Nth(1, times=1, every=3), frames) == [1]
    assert dropped(Nth(1, times=None, every=4), frames) == [1, 5, 9]


def test_a_segment_lost_again_is_not_counted_among_the_so_many() -> None:
    first, second, third, fourth = (tcp(ACK, b"x", seq=seq) for seq in (100, 200, 300, 400))
    frames = [first, second, first, third, fourth, third]
    assert dropped(Nth(1, times=None, every=2, copies=1), frames) == [1, 3, 4, 6]


def test_nth_can_lose_the_same_segment_again() -> None:
    first, second, third = (tcp(ACK, b"x", seq=seq) for seq in (100, 200, 300))
    other = tcp(ACK, b"x", seq=200, source=40001)
    frames = [first, second, third, first, other, second, second, second]
    assert dropped(Nth(2, data=True, copies=2), frames) == [2, 6, 7]
    assert dropped(Nth(1, data=True, times=2, copies=1), frames) == [1, 2, 4, 6]


ENDS = ("02:00:00:00:00:03", "02:00:00:00:00:02", "10.0.0.3", "10.0.0.2")


@pytest.mark.parametrize("ends", [ENDS, LOCAL])
def test_the_fragments_of_a_datagram_count_as_one(ends: forged.Ends) -> None:
    datagrams = [forged.fragments(forged.udp(ends, (40000, 53), bytes(100)), 48, ident) for ident in (1, 2, 3)]
    in_order = [piece for datagram in datagrams for piece in datagram]
    interleaved = [piece for pieces in zip(*datagrams, strict=True) for piece in pieces]
    for match in ({"protocol": "udp"}, {"port": 53}, {"data": True}):
        assert dropped(Nth(2, **match), in_order) == [4, 5, 6]
        assert dropped(Nth(2, **match), interleaved) == [2, 5, 8]
        lost = [5, 6, 7] if match == {"data": True} else [2, 3, 4]  # the datagram before has no data
        assert dropped(Nth(2, **match), [forged.udp(ends, (40000, 53)), *in_order]) == lost
    assert dropped(Nth(2), in_order) == [2]
    assert dropped(Nth(1, times=None, port=7), in_order) == []
    backward = [piece for datagram in datagrams for piece in reversed(datagram)]
    assert dropped(Nth(2, protocol="udp"), backward) == [4, 5, 6]
    again = [*datagrams[0], *datagrams[0]]  # the id is used again
    assert dropped(Nth(2, protocol="udp"), again) == [4, 5, 6]
    assert dropped(Nth(2, port=53), again) == [4, 5, 6]


@pytest.mark.parametrize("ends", [ENDS, LOCAL])
def test_a_fault_that_matches_by_port_acts_on_all_fragments(ends: forged.Ends) -> None:
    wanted = forged.fragments(forged.udp(ends, (40000, 53), bytes(100)), 48, 1)
    other = forged.fragments(forged.udp(ends, (40000, 54), bytes(100)), 48, 2)
    matches = matcher(Hold(port=53))
    assert [matches(frame) for frame in (*wanted, *other)] == [True] * 3 + [False] * 3
    assert not matcher(Hold(port=53))(wanted[1])  # its ports are not known


def test_copies_count_tcp_only() -> None:
    assert dropped(Nth(1, copies=3), [udp(b"a"), udp(b"a"), udp(b"a")]) == [1]
