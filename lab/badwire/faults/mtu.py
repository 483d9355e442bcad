"""Mtu: a link on the way with a smaller MTU than the hosts' own links."""

import random
import struct
from dataclasses import dataclass
from typing import ClassVar

from badwire.errors import BadFault
from badwire.faults.fault import DROPPED, Decision, Fault, passed
from badwire.packets.checksum import internet_sum
from badwire.packets.ipv4 import DONT_FRAGMENT, ETHERNET_HEADER, ETHERTYPE, ICMP, ipv4_header

SMALLEST = 68  # bytes, which every link must forward (RFC 791 section 3.2)
LARGEST = 65_535  # bytes; the length field has 16 bits

_UNREACHABLE = 3  # ICMP type (RFC 792)
_FRAGMENTATION_NEEDED = 4  # its code
_TTL = 64
_QUOTED = 8  # bytes of the datagram after its IP header (RFC 792)


class Narrow:
    """The rule of one Mtu."""

    def __init__(self, fault: "Mtu") -> None:
        self._fault = fault

    def __call__(self, frame: bytes, at: int) -> Decision:
        return DROPPED if datagram_length(frame) > self._fault.size else passed(frame, at)

    def answer(self, frame: bytes) -> bytes | None:
        ip = ipv4_header(frame)
        if not self._fault.tells or ip is None or not ip.fragment & DONT_FRAGMENT:
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
    about = ipv4_header(frame)
    assert about is not None  # only a datagram can be too long
    quoted = frame[ETHERNET_HEADER : about.payload_at + _QUOTED]
    message = _summed(struct.pack("!BBHHH", _UNREACHABLE, _FRAGMENTATION_NEEDED, 0, 0, mtu) + quoted, at=2)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(message), 0, DONT_FRAGMENT, _TTL, ICMP, 0)
    ip += about.destination + about.source
    return frame[6:12] + frame[0:6] + ETHERTYPE + _summed(ip, at=10) + message


def _summed(data: bytes, at: int) -> bytes:
    """The data with its Internet checksum in place of the two zero bytes at ``at``."""
    return data[:at] + struct.pack("!H", internet_sum(data)) + data[at + 2 :]


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
        self._check("size", SMALLEST, LARGEST, "bytes", whole=True)
        if not isinstance(self.tells, bool):
            raise BadFault(f"{self.name}: tells must be True or False, not {self.tells!r}.")

    def relay(self, rng: random.Random) -> Narrow:
        return Narrow(self)
