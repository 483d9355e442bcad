"""Reset: the wire breaks connections, or says that a host cannot be reached."""

import random
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from badwire.errors import BadFault
from badwire.faults.answers import icmp_error, resets
from badwire.faults.fault import DROPPED, Decision, Fault, passed
from badwire.packets.ip import ip_header
from badwire.packets.ipv4 import TCP, UDP
from badwire.packets.ipv6 import Ipv6Header

RST = "rst"


class _Code(NamedTuple):
    """The type and the code of an ICMP message, and of the ICMPv6 message that means the same."""

    icmp: tuple[int, int]
    icmp6: tuple[int, int]


# RFC 792 and RFC 1812 section 5.2.7.1; RFC 4443 section 3.1.
_UNREACHABLE = {
    "port-unreachable": _Code(icmp=(3, 3), icmp6=(1, 4)),
    "host-unreachable": _Code(icmp=(3, 1), icmp6=(1, 3)),
    "admin-prohibited": _Code(icmp=(3, 13), icmp6=(1, 1)),
}
ANSWERS = (RST, *_UNREACHABLE)


class ResetRule:
    """The rule of one Reset."""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    def __call__(self, frame: bytes, at: int) -> Decision:
        return DROPPED if self.answers(frame) else passed(frame, at)

    def answers(self, frame: bytes) -> tuple[bytes, ...]:
        if self._answer == RST:
            return resets(frame)
        ip = ip_header(frame)
        if ip is None or ip.protocol not in (TCP, UDP) or ip.is_later_fragment:
            return ()
        code = _UNREACHABLE[self._answer]
        return (icmp_error(frame, ip, *(code.icmp6 if isinstance(ip, Ipv6Header) else code.icmp)),)


@dataclass(frozen=True, repr=False)
class Reset(Fault):
    """Drops every TCP segment that it selects, and answers both ends with a reset (RST), so that neither waits.

    answer   "rst", or what the sender alone gets instead, about a TCP segment or a UDP datagram: "port-unreachable",
             "host-unreachable" or "admin-prohibited" (ICMP, or ICMPv6)

    Every other frame passes: a reset, ARP, ICMP, later fragments. A receiver ignores a reset if it expects another
    sequence number than the segment's (RFC 5961 section 3.2), as after a lost segment. An ICMP error ends a connection
    that is being opened; Linux notes it for an established one, which goes on (RFC 5461 section 4).
    """

    name: ClassVar[str] = "reset"
    stage: ClassVar[int] = Fault.DROP
    can_lose: ClassVar[bool] = True

    answer: str = RST

    def check_fields(self) -> None:
        if self.answer not in ANSWERS:
            *others, last = ANSWERS
            known = f"{', '.join(others)} or {last}"
            raise BadFault(f"{self.name}: answer must be {known}, not {self.answer!r}.")
        possible = ("tcp",) if self.answer == RST else ("tcp", "udp")
        if self.protocol is not None and self.protocol not in possible:
            raise BadFault(f"{self.name}: {self.answer} answers protocol {' or '.join(possible)}, not {self.protocol}.")

    def relay(self, rng: random.Random) -> ResetRule:
        return ResetRule(self.answer)
