"""Mtu: a link on the way with a smaller MTU than the hosts' own links."""

import random
import struct
from dataclasses import dataclass
from typing import ClassVar

from badwire.errors import BadFault
from badwire.faults.fault import DROPPED, Decision, Fault, passed
from badwire.packets.checksum import internet_sum
from badwire.packets.ipv4 import DONT_FRAGMENT, ETHERNET_HEADER, ETHERTYPE, ICMP, SHORTEST, ipv4_header

SMALLEST = 68  # bytes, which every link must forward (RFC 791 section 3.2)
LARGEST = 65_535  # bytes; the length field has 16 bits

_UNREACHABLE = 3  # ICMP type (RFC 792)
_FRAGMENTATION_NEEDED = 4  # its code
_VERSION_AND_LENGTH = 0x45  # IPv4, a header of five 32-bit words
_TTL = 64
_QUOTED = 8  # bytes of the datagram after its IP header (RFC 792)


class MtuRule:
    """The rule of one Mtu."""

    def __init__(self, fault: "Mtu") -> None:
        self._fault = fault

    def __call__(self, frame: bytes, at: int) -> Decision:
        if datagram_length(frame) > self._fault.size:
            return DROPPED
        return passed(frame, at)

    def answer(self, frame: bytes) -> bytes | None:
        if not self._fault.tells:
            return None
        ip = ipv4_header(frame)
        if ip is None or not ip.fragment & DONT_FRAGMENT:
            return None
        if ip.is_later_fragment or ip.protocol == ICMP:
            return None  # RFC 1122 section 3.2.2: no error about a later fragment, or about an ICMP error
        return fragmentation_needed(frame, self._fault.size)


def datagram_length(frame: bytes) -> int:
    """The length in bytes of the IPv4 datagram in this frame, from its header; 0 for any other frame."""
    ip = ipv4_header(frame)
    return 0 if ip is None else ip.total_length


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
    ip_header = struct.pack(
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
    return ethernet_header + _with_checksum(ip_header, at=10) + message


def _with_checksum(data: bytes, at: int) -> bytes:
    """The data with its Internet checksum in place of the two zero bytes at ``at``."""
    checksum = struct.pack("!H", internet_sum(data))
    return data[:at] + checksum + data[at + 2 :]


@dataclass(frozen=True)
class Mtu(Fault):
    """Drops every IPv4 datagram that is longer than ``size`` bytes, including its IP header.

    With ``tells`` the wire answers the sender of each, as a router does (ICMP "fragmentation needed", RFC 1191).
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
