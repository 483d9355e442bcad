"""Mtu: a link on the way that takes shorter datagrams than the hosts' own links."""

import random
import struct
from dataclasses import dataclass
from typing import ClassVar

from badwire.errors import BadFault
from badwire.faults.fault import DROPPED, Decision, Fault, passed
from badwire.packets.checksum import internet_sum
from badwire.packets.ipv4 import DONT_FRAGMENT, ETHERNET_HEADER, ETHERTYPE, ICMP, ipv4_header

SMALLEST, LARGEST = 68, 65_535  # bytes: RFC 791 section 3.2 has every link take 68; the length field has 16 bits

_UNREACHABLE, _TOO_LONG = 3, 4  # RFC 792: type and code
_TTL = 64
_QUOTED = 8  # bytes of the datagram behind its IP header (RFC 792)


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
            return None  # RFC 1122 section 3.2.2: not about a later fragment, nor about what may be an error itself
        return fragmentation_needed(frame, self._fault.size)


def datagram_length(frame: bytes) -> int:
    """Bytes of the IPv4 datagram in this frame, as its header has it; 0 for anything else."""
    ip = ipv4_header(frame)
    return 0 if ip is None else ip.total_length


def fragmentation_needed(frame: bytes, mtu: int) -> bytes:
    """ICMP type 3 code 4 with the next hop's MTU (RFC 1191 section 4), back to where this frame came from.

    A bridge has no IP address: like a firewall that is one, it speaks in the name of the host that was not reached.
    """
    about = ipv4_header(frame)
    assert about is not None  # only a datagram can be too long
    quoted = frame[ETHERNET_HEADER : about.payload_at + _QUOTED]
    message = _summed(struct.pack("!BBHHH", _UNREACHABLE, _TOO_LONG, 0, 0, mtu) + quoted, at=2)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(message), 0, DONT_FRAGMENT, _TTL, ICMP, 0)
    ip += about.destination + about.source
    return frame[6:12] + frame[0:6] + ETHERTYPE + _summed(ip, at=10) + message


def _summed(data: bytes, at: int) -> bytes:
    """With the Internet checksum of it all in the two zero bytes at ``at``."""
    return data[:at] + struct.pack("!H", internet_sum(data)) + data[at + 2 :]


@dataclass(frozen=True)
class Mtu(Fault):
    """Delivers no IPv4 datagram that is longer than ``size`` bytes, its IP header counted.

    With ``tells`` the wire answers the sender of each, as a router does (ICMP "fragmentation needed", RFC 1191).
    Without it a longer datagram vanishes: a black hole. So does, either way, one that may be fragmented: a router would
    cut it into pieces, which are other frames than the one sent, and the record could not say what became of that. The
    TCP of Linux, and its UDP where it fits its own link, set "don't fragment" unless ip_no_pmtu_disc says otherwise.
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
