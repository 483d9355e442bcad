"""Selects the frames that a fault applies to: by protocol, TCP flags, payload and ports (IPv4, ARP)."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from badwire.errors import BadFault
from badwire.faults.fault import Fault
from badwire.packets.ipv4 import ICMP, TCP, UDP, ipv4_header
from badwire.packets.tcp_flags import mask_and_value

_NUMBERS = {"icmp": ICMP, "tcp": TCP, "udp": UDP}
_FLAGS = frozenset("SFRPA.")

_TCP = struct.Struct("!HHLxxxxBB")  # ports, sequence number, header length, flags
_UDP = struct.Struct("!HHxxxx")
_TCP_HEADER = 20  # bytes without options
_UDP_HEADER = 8  # bytes


class Segment(NamedTuple):
    """What is matched of a TCP segment or UDP datagram; ``payload`` in bytes; UDP has flags and sequence 0."""

    protocol: int
    source: int
    target: int
    flags: int
    payload: int
    sequence: int


def segment(frame: bytes) -> Segment | None:
    """The TCP segment or UDP datagram in this frame; None for anything else, later fragments included."""
    ip = ipv4_header(frame)
    if ip is None or ip.is_later_fragment:
        return None
    if ip.protocol == TCP and len(frame) >= ip.payload_at + _TCP_HEADER:
        source, target, sequence, offset, flags = _TCP.unpack_from(frame, ip.payload_at)
        return Segment(TCP, source, target, flags, ip.payload_length - (offset >> 4) * 4, sequence)
    if ip.protocol == UDP and len(frame) >= ip.payload_at + _UDP_HEADER:
        source, target = _UDP.unpack_from(frame, ip.payload_at)
        return Segment(UDP, source, target, 0, ip.payload_length - _UDP_HEADER, 0)
    return None


@dataclass(frozen=True, kw_only=True)
class Match(Fault):
    """A fault that applies to some frames only; a field that is None matches every frame.

    protocol   "tcp", "udp", "icmp" or "arp"
    flags      TCP flags in tcpdump's letters (S, F, R, P, and A or . for ACK). Of SYN, FIN and RST exactly those given
               are set; ACK and PSH must be set if given. Beside S, ACK must be clear if not given. So "S" is the first
               SYN and "SA" its answer, "F" a FIN and "R" a reset with or without ACK, and "A" any other ACK.
    data       True: carries at least one byte of payload; False: carries none (TCP and UDP)
    port       either port is this one; from_port, to_port: that one is
    """

    protocol: str | None = None
    flags: str | None = None
    data: bool | None = None
    port: int | None = None
    from_port: int | None = None
    to_port: int | None = None

    def __post_init__(self) -> None:
        if self.protocol not in (None, "arp", *_NUMBERS):
            raise BadFault(f"{self.name}: protocol must be tcp, udp, icmp or arp, not {self.protocol!r}.")
        if self.data not in (None, True, False):
            raise BadFault(f"{self.name}: data must be True or False, not {self.data!r}.")
        for field in ("port", "from_port", "to_port"):
            if getattr(self, field) is not None:
                self._check(field, 1, 65535, whole=True)
        if self.flags is not None:
            if not isinstance(self.flags, str) or not self.flags or set(self.flags) - _FLAGS:
                raise BadFault(f"{self.name}: flags must be letters out of S, F, R, P and A, not {self.flags!r}.")
            if self.protocol not in (None, "tcp"):
                raise BadFault(f"{self.name}: flags are for protocol tcp, not {self.protocol}.")
        if self.protocol in ("icmp", "arp") and self._matches_fields():
            raise BadFault(f"{self.name}: ports and data are for protocol tcp or udp, not {self.protocol}.")

    def _matches_fields(self) -> bool:
        """Whether any field but the protocol must be matched."""
        return any(value is not None for value in (self.flags, self.data, self.port, self.from_port, self.to_port))

    def matcher(self) -> Callable[[bytes], bool]:
        """A function that returns whether the fault applies to a frame."""
        protocol = self.protocol
        only_protocol = not self._matches_fields()
        if protocol is None and only_protocol:
            return lambda frame: True
        if protocol == "arp":
            return lambda frame: frame[12:14] == b"\x08\x06"
        number = _NUMBERS[protocol] if protocol else None
        if only_protocol:
            return lambda frame: (ip := ipv4_header(frame)) is not None and ip.protocol == number
        mask, value = mask_and_value(self.flags) if self.flags else (0, 0)

        def matches(frame: bytes) -> bool:
            seen = segment(frame)
            return (
                seen is not None
                and (number is None or seen.protocol == number)
                and (self.flags is None or (seen.protocol == TCP and seen.flags & mask == value))
                and (self.data is None or (seen.payload > 0) == self.data)
                and (self.port is None or self.port in (seen.source, seen.target))
                and (self.from_port is None or self.from_port == seen.source)
                and (self.to_port is None or self.to_port == seen.target)
            )

        return matches
