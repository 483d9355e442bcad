"""ICMPv6 in the words of tcpdump 4.99, given the same frames with -n -t; and the labels of arrows.

Of a parameter problem and of a multicast listener report, tcpdump prints more.
"""

import struct
from collections.abc import Sequence

import pytest

from badwire.evidence import Frame
from badwire.report import describe
from tests.claims import forged
from tests.quick import no_leftovers as no_leftovers

ENDS = ("02:00:00:00:00:03", "02:00:00:00:00:02", "fd00::3", "fd00::2")
DATAGRAM = forged.udp(ENDS, (40001, 7003), b"x" * 1400)
SEGMENT = forged.tcp(ENDS, (40001, 7000), "S")
QUOTED = DATAGRAM[14 : 14 + 100]
PROBLEM = struct.pack("!I", 6)
BETWEEN = "IP6 fd00::3 > fd00::2: ICMP6, "


def message(kind: int, code: int, body: bytes) -> bytes:
    """An ICMPv6 message in its frame; the body comes after the checksum."""
    return forged.icmp6(ENDS, kind, code, body)


@pytest.mark.parametrize(
    ("frame", "words", "label"),
    [
        (message(128, 0, struct.pack("!HH", 7, 1) + bytes(24)), "echo request, id 7, seq 1, length 32", "echo request"),
        (message(129, 0, struct.pack("!HH", 7, 1) + bytes(24)), "echo reply, id 7, seq 1, length 32", "echo reply"),
        (forged.too_big(ENDS, DATAGRAM, 1280), "packet too big, mtu 1280, length 1240", "packet too big, MTU 1280"),
        (
            message(1, 0, bytes(4) + QUOTED),
            "destination unreachable, unreachable route fd00::2, length 108",
            "unreachable route",
        ),
        (
            message(1, 3, bytes(4) + QUOTED),
            "destination unreachable, unreachable address fd00::2, length 108",
            "unreachable address",
        ),
        (
            message(1, 4, bytes(4) + QUOTED),
            "destination unreachable, unreachable port, fd00::2 udp port 7003, length 108",
            "unreachable port",
        ),
        (
            message(1, 4, bytes(4) + SEGMENT[14 : 14 + 60]),
            "destination unreachable, unreachable port, fd00::2 tcp port 7000, length 68",
            "unreachable port",
        ),
        (message(1, 4, bytes(4)), "destination unreachable, unreachable port, length 8", "unreachable port"),
        (
            message(3, 0, bytes(4) + QUOTED),
            "time exceeded in-transit for fd00::2, length 108",
            "time exceeded in-transit",
        ),
        (
            message(3, 1, bytes(4) + QUOTED),
            "time exceeded in-transit (reassembly), length 108",
            "time exceeded in-transit (reassembly)",
        ),
        (
            message(4, 1, PROBLEM + QUOTED),
            "parameter problem, next header, length 108",
            "parameter problem, next header",
        ),
        (forged.neighbour(ENDS, "fd00::2"), "neighbor solicitation, who has fd00::2, length 24", "who has fd00::2?"),
        (
            forged.neighbour(ENDS, "fd00::3", answer=True),
            "neighbor advertisement, tgt is fd00::3, length 24",
            "fd00::3 is here",
        ),
        (message(133, 0, bytes(4)), "router solicitation, length 8", "router solicitation"),
        (message(134, 0, bytes(12)), "router advertisement, length 16", "router advertisement"),
        (message(143, 0, bytes(24)), "multicast listener report v2, length 28", "multicast listener report v2"),
        (message(200, 3, bytes(20)), "type 200 code 3, length 24", "ICMPv6 type 200 code 3"),
    ],
)
def test_words(frame: bytes, words: str, label: str) -> None:
    sent = Frame(0, "client", "server", (), len(frame), frame)
    assert describe.tcpdump(sent, None) == BETWEEN + words
    assert describe.label(sent, None) == label


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (["10.0.0.2", 7000], "10.0.0.2:7000"),
        (["fd00::2", 7000], "[fd00::2]:7000"),
        (["fd00::2", 7000, 0, 0], "[fd00::2]:7000"),
        (["::ffff:10.0.0.3", 40001, 0, 0], "[::ffff:10.0.0.3]:40001"),
    ],
)
def test_addresses_of_calls(address: Sequence[object], shown: str) -> None:
    """Python gives an IPv6 address with flow and scope; brackets separate it from the port (RFC 3986 section 3.2.2)."""
    assert describe._short(address) == shown
