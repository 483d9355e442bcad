"""Mtu: a link on the way with a smaller MTU than the hosts' own links."""

import random
from dataclasses import dataclass
from typing import ClassVar

from badwire.errors import BadFault
from badwire.faults.answers import icmp_error, may_be_answered
from badwire.faults.fault import DROPPED, Decision, Fault, passed
from badwire.packets.ip import ip_header
from badwire.packets.ipv4 import DONT_FRAGMENT
from badwire.packets.ipv6 import Ipv6Header

SMALLEST = 68  # bytes, which every link must forward (RFC 791 section 3.2)
LARGEST = 65_535  # bytes; the length field has 16 bits

_UNREACHABLE = 3  # ICMP type (RFC 792)
_FRAGMENTATION_NEEDED = 4  # its code, with the next hop's MTU (RFC 1191 section 4)
_PACKET_TOO_BIG = 2  # ICMPv6 type, with the next hop's MTU (RFC 4443 section 3.2)


class MtuRule:
    """The rule of one Mtu."""

    def __init__(self, fault: "Mtu") -> None:
        self._fault = fault

    def __call__(self, frame: bytes, at: int) -> Decision:
        if datagram_length(frame) > self._fault.size:
            return DROPPED
        return passed(frame, at)

    def answers(self, frame: bytes) -> tuple[bytes, ...]:
        ip = ip_header(frame)
        if not self._fault.tells or ip is None or not may_be_answered(frame, ip):
            return ()
        if isinstance(ip, Ipv6Header):
            return (icmp_error(frame, ip, _PACKET_TOO_BIG, 0, self._fault.size),)
        if not ip.fragment & DONT_FRAGMENT:
            return ()
        return (icmp_error(frame, ip, _UNREACHABLE, _FRAGMENTATION_NEEDED, self._fault.size),)


def datagram_length(frame: bytes) -> int:
    """The length in bytes of the IP datagram in this frame, from its header; 0 for any other frame."""
    ip = ip_header(frame)
    return 0 if ip is None else ip.total_length


@dataclass(frozen=True, repr=False)
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

    def check_fields(self) -> None:
        self._check("size", SMALLEST, LARGEST, "bytes", integer=True)
        if not isinstance(self.tells, bool):
            raise BadFault(f"{self.name}: tells must be True or False, not {self.tells!r}.")

    def relay(self, rng: random.Random) -> MtuRule:
        return MtuRule(self)
