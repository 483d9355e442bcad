"""Mtu: a link on the way with a smaller MTU than the hosts' own links."""

import random
import struct
from dataclasses import dataclass
from typing import ClassVar

from badwire.errors import BadFault
from badwire.faults.fault import DROPPED, Decision, Fault, passed
from badwire.packets.checksum import internet_sum, pseudo_header
from badwire.packets.ip import ip_header
from badwire.packets.ipv4 import DONT_FRAGMENT, ETHERNET_HEADER, ETHERTYPE, ICMP, SHORTEST, ipv4_header
from badwire.packets.ipv6 import ETHERTYPE as IPV6_ETHERTYPE
from badwire.packets.ipv6 import HEADER, ICMPV6, Ipv6Header

SMALLEST = 68  # bytes, which every link must forward (RFC 791 section 3.2)
LARGEST = 65_535  # bytes; the length field has 16 bits

_UNREACHABLE = 3  # ICMP type (RFC 792)
_FRAGMENTATION_NEEDED = 4  # its code
_VERSION_AND_LENGTH = 0x45  # IPv4, a header of five 32-bit words
_TTL = 64
_QUOTED = 8  # bytes of the datagram after its IP header (RFC 792)
_PACKET_TOO_BIG = 2  # ICMPv6 type (RFC 4443)
_FIRST_INFORMATIONAL = b"\x80"  # the first ICMPv6 type that is not an error
_ICMPV6_HEADER = 8  # bytes, with the MTU
_IPV6_MTU = 1280  # bytes, which every link must forward (RFC 8200 section 5)


class MtuRule:
    """The rule of one Mtu."""

    def __init__(self, fault: "Mtu") -> None:
        self._fault = fault

    def __call__(self, frame: bytes, at: int) -> Decision:
        if datagram_length(frame) > self._fault.size:
            return DROPPED
        return passed(frame, at)

    def answer(self, frame: bytes) -> bytes | None:
        ip = ip_header(frame)
        if not self._fault.tells or ip is None or ip.is_later_fragment:
            return None  # RFC 1122 section 3.2.2: no error about a later fragment
        if isinstance(ip, Ipv6Header):
            kind = frame[ip.payload_at : ip.payload_at + 1]
            is_error = ip.protocol == ICMPV6 and kind < _FIRST_INFORMATIONAL
            return None if is_error else packet_too_big(frame, ip, self._fault.size)
        if ip.protocol == ICMP or not ip.fragment & DONT_FRAGMENT:
            return None  # RFC 1122 section 3.2.2: no error about an ICMP error
        return fragmentation_needed(frame, self._fault.size)


def datagram_length(frame: bytes) -> int:
    """The length in bytes of the IP datagram in this frame, from its header; 0 for any other frame."""
    ip = ip_header(frame)
    return 0 if ip is None else ip.total_length


def packet_too_big(frame: bytes, too_long: Ipv6Header, mtu: int) -> bytes:
    """ICMPv6 type 2 with the next hop's MTU (RFC 4443 section 3.2), to the sender of this frame.

    It quotes as much of the datagram as fits into the minimum MTU of IPv6. Like ``fragmentation_needed`` it has the
    address of the host that was not reached.
    """
    source, destination = too_long.destination, too_long.source
    quoted = frame[ETHERNET_HEADER : min(too_long.end, ETHERNET_HEADER + _IPV6_MTU - HEADER - _ICMPV6_HEADER)]
    message = struct.pack("!BBHI", _PACKET_TOO_BIG, 0, 0, mtu) + quoted
    checksum = internet_sum(pseudo_header(source, destination, ICMPV6, len(message)) + message)
    message = message[:2] + struct.pack("!H", checksum) + message[4:]
    header = struct.pack("!IHBB", 6 << 28, len(message), ICMPV6, _TTL) + source + destination
    return frame[6:12] + frame[0:6] + IPV6_ETHERTYPE + header + message


def fragmentation_needed(frame: bytes, mtu: int) -> bytes:
    """ICMP type 3 code 4 with the next hop's MTU (RFC 1191 section 4), to the sender of this frame.

    A bridge has no IP address, so it answers with the address of the host that was not reached, as a bridging firewall.
    """
    too_long = ipv4_header(frame)
    assert too_long is not None  # only a datagram can be too long
    quote_end = too_long.payload_at + _QUOTED
    quoted = frame[ETHERNET_HEADER:quote_end]
    icmp_header = struct.pack(
        "!BBHHH",
        _UNREACHABLE,
        _FRAGMENTATION_NEEDED,
        0,  # checksum
        0,
        mtu,
    )
    message = _with_checksum(icmp_header + quoted, at=2)
    header = struct.pack(
        "!BBHHHBBH4s4s",
        _VERSION_AND_LENGTH,
        0,  # type of service
        SHORTEST + len(message),
        0,  # identification
        DONT_FRAGMENT,
        _TTL,
        ICMP,
        0,  # checksum
        too_long.destination,
        too_long.source,
    )
    source_mac = frame[0:6]
    destination_mac = frame[6:12]
    ethernet_header = destination_mac + source_mac + ETHERTYPE
    return ethernet_header + _with_checksum(header, at=10) + message


def _with_checksum(data: bytes, at: int) -> bytes:
    """The data with its Internet checksum in place of the two zero bytes at ``at``."""
    checksum = struct.pack("!H", internet_sum(data))
    return data[:at] + checksum + data[at + 2 :]


@dataclass(frozen=True)
class Mtu(Fault):
    """Drops every IP datagram that is longer than ``size`` bytes, including its IP header.

    With ``tells`` the wire answers the sender of each, as a router does (ICMP "fragmentation needed", RFC 1191; ICMPv6
    "packet too big", RFC 8201; Linux ignores one with an MTU below 1280).
    Without it the link is a black hole. In either case a datagram that may be fragmented is dropped without an
    answer: a router would send fragments, which are not the frame that was sent, so the record could not show what
    happened to it. Linux sets "don't fragment" in TCP, and in UDP where it fits its own link, unless ip_no_pmtu_disc
    is set.
    """

    name: ClassVar[str] = "mtu"
    stage: ClassVar[int] = Fault.NARROW
    can_lose: ClassVar[bool] = True

    size: int
    tells: bool = True

    def __post_init__(self) -> None:
        self._check("size", SMALLEST, LARGEST, "bytes", integer=True)
        if not isinstance(self.tells, bool):
            raise BadFault(f"{self.name}: tells must be True or False, not {self.tells!r}.")

    def relay(self, rng: random.Random) -> MtuRule:
        return MtuRule(self)
