"""Which of the frames toward a host a fault applies to: by sender, protocol, TCP flags, payload and ports.

The same fields select frames for every fault. Frames of IPv4, of IPv6 and of ARP can be selected.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from badwire.errors import BadFault
from badwire.faults.fragments import Datagrams, fragment
from badwire.packets.ip import ip_header
from badwire.packets.ipv4 import ICMP, TCP, UDP
from badwire.packets.ipv6 import ICMPV6
from badwire.packets.tcp_flags import mask_and_value

_NUMBERS = {"icmp": ICMP, "icmp6": ICMPV6, "tcp": TCP, "udp": UDP}
_ARP = b"\x08\x06"  # ethertype
_FLAGS = frozenset("SFRPA.")
_HIGHEST_PORT = 65_535
SOURCE_MAC = slice(6, 12)  # of a frame

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
    ip = ip_header(frame)
    if ip is None or ip.is_later_fragment:
        return None
    captured = len(frame) - ip.payload_at
    if ip.protocol == TCP and captured >= _TCP_HEADER:
        source, target, sequence, offset, flags = _TCP.unpack_from(frame, ip.payload_at)
        header_length = (offset >> 4) * 4
        payload = ip.payload_length - header_length
        return Segment(TCP, source, target, flags, payload, sequence)
    if ip.protocol == UDP and captured >= _UDP_HEADER:
        source, target = _UDP.unpack_from(frame, ip.payload_at)
        payload = ip.payload_length - _UDP_HEADER
        return Segment(UDP, source, target, 0, payload, 0)
    return None


# Whether a fault applies to a frame, which begins with its Ethernet header.
Matcher = Callable[[bytes], bool]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The frames that a fault applies to; a field that is None selects every frame.

    from_      the name of the host that sent the frame, known by the source MAC address
    protocol   "tcp", "udp", "icmp", "icmp6" (ICMPv6, with neighbour discovery) or "arp"; IPv4 and IPv6 alike
    flags      TCP flags in tcpdump's letters (S, F, R, P, and A or . for ACK). Of SYN, FIN and RST exactly those given
               are set; ACK and PSH must be set if given. Beside S, ACK must be clear if not given. So "S" is the first
               SYN and "SA" its answer, "F" a FIN and "R" a reset with or without ACK, and "A" any other ACK.
    data       True: carries at least one byte of payload; False: carries none (TCP and UDP)
    port       either port is this one; from_port, to_port: that one is

    A later fragment of a datagram has no ports, flags or data of its own: it matches if the first one did, and not if
    it comes before that. ``data`` is that of the first fragment.
    """

    name: ClassVar[str]

    from_: str | None = None
    protocol: str | None = None
    flags: str | None = None
    data: bool | None = None
    port: int | None = None
    from_port: int | None = None
    to_port: int | None = None

    def check_selection(self) -> None:
        """Raise BadFault for a field that is out of range, or does not go with another one."""
        if self.from_ is not None and (not isinstance(self.from_, str) or not self.from_):
            raise BadFault(f"{self.name}: from must be the name of a host, not {self.from_!r}.")
        if self.protocol not in (None, "arp", *_NUMBERS):
            raise BadFault(f"{self.name}: protocol must be tcp, udp, icmp, icmp6 or arp, not {self.protocol!r}.")
        if self.data not in (None, True, False):
            raise BadFault(f"{self.name}: data must be True or False, not {self.data!r}.")
        for field in ("port", "from_port", "to_port"):
            if getattr(self, field) is not None:
                check_number(self.name, field, getattr(self, field), 1, _HIGHEST_PORT, integer=True)
        if self.flags is not None:
            self._check_flags(self.flags)
        if self.protocol in ("icmp", "icmp6", "arp") and self._reads_segments:
            raise BadFault(f"{self.name}: ports and data are for protocol tcp or udp, not {self.protocol}.")

    def _check_flags(self, flags: object) -> None:
        are_letters = isinstance(flags, str) and flags != "" and _FLAGS.issuperset(flags)
        if not are_letters:
            raise BadFault(f"{self.name}: flags must be letters out of S, F, R, P and A, not {flags!r}.")
        if self.protocol not in (None, "tcp"):
            raise BadFault(f"{self.name}: flags are for protocol tcp, not {self.protocol}.")

    @property
    def selects(self) -> bool:
        """Whether the fault applies to some frames only."""
        return self.from_ is not None or self.reads_headers

    @property
    def reads_headers(self) -> bool:
        """Whether it depends on what follows the Ethernet header, which may be something that the lab cannot read."""
        return self.protocol is not None or self._reads_segments

    @property
    def _reads_segments(self) -> bool:
        fields = (
            self.flags,
            self.data,
            self.port,
            self.from_port,
            self.to_port,
        )
        return any(value is not None for value in fields)

    def matcher(self, addresses: Mapping[str, bytes]) -> Matcher | None:
        """A new function that returns whether the fault applies to a frame; None: it applies to every frame.

        Args:
            addresses: the MAC address of each host, by its name; the host of ``from_`` is among them.
        """
        by_headers = self.header_matcher()
        if self.from_ is None:
            return by_headers
        address = addresses[self.from_]
        if by_headers is None:
            return lambda frame: frame[SOURCE_MAC] == address
        return lambda frame: frame[SOURCE_MAC] == address and by_headers(frame)

    def header_matcher(self) -> Matcher | None:
        """As ``matcher``, for every field but ``from_``."""
        if self.protocol == "arp":
            return _is_arp
        if self._reads_segments:
            return self._segment_matcher()
        if self.protocol is None:
            return None
        number = _NUMBERS[self.protocol]

        def matches_protocol(frame: bytes) -> bool:
            ip = ip_header(frame)
            return ip is not None and ip.protocol == number

        return matches_protocol

    def _segment_matcher(self) -> Matcher:
        """A function that returns whether a frame is a segment or datagram with the fields that are set."""
        number = _NUMBERS[self.protocol] if self.protocol else None
        mask, value = mask_and_value(self.flags or "")
        datagrams: Datagrams[bool] = Datagrams()

        def matches(frame: bytes) -> bool:
            piece = fragment(frame)
            if piece is None:
                return has_fields(frame)
            if piece.is_later_fragment:
                return bool(datagrams.recall(piece))
            is_match = has_fields(frame)
            datagrams.remember(piece, is_match)
            return is_match

        def has_fields(frame: bytes) -> bool:
            found = segment(frame)
            if found is None:
                return False
            if number is not None and found.protocol != number:
                return False
            if self.flags is not None:
                has_flags = found.flags & mask == value
                if found.protocol != TCP or not has_flags:
                    return False
            if self.data is not None:
                has_data = found.payload > 0
                if has_data != self.data:
                    return False
            if self.port is not None and self.port not in (found.source, found.target):
                return False
            if self.from_port is not None and self.from_port != found.source:
                return False
            return self.to_port is None or self.to_port == found.target

        return matches


def _is_arp(frame: bytes) -> bool:
    return frame[12:14] == _ARP


def check_number(
    name: str,
    field: str,
    value: object,
    low: float,
    high: float,
    unit: str = "",
    integer: bool = False,
) -> None:
    """Raise BadFault unless the field ``value`` of the fault ``name`` is a number from ``low`` to ``high``.

    Args:
        name: of the fault.
        field: its name.
        value: what it has.
        low: the smallest number.
        high: the largest; no bound is infinite, and nan is in no range.
        unit: of both, for the message.
        integer: whether it must be a whole number.
    """
    allowed = int if integer else (int, float)
    if isinstance(value, allowed) and not isinstance(value, bool) and low <= value <= high:
        return
    kind = "a whole number" if integer else "a number"
    span = f"{low:g} to {high:g} {unit}".rstrip()
    raise BadFault(f"{name}: {field} must be {kind} from {span}, not {value!r}.")
