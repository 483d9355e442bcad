"""Puts the fragments of IPv4 and IPv6 datagrams together (RFC 791 section 3.2, RFC 8200 section 4.5)."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from badwire.evidence.frames import Delivery, Frame
from badwire.packets import ipv4
from badwire.packets.checksum import internet_sum
from badwire.packets.ip import ip_header
from badwire.packets.ipv4 import ETHERNET_HEADER, Ipv4Header
from badwire.packets.packet import Ip

_IPV6_LENGTH_AT = ETHERNET_HEADER + 4
_FRAGMENT_HEADER = 8  # bytes, of IPv6
_LARGEST = 65_535  # bytes; the length field has 16 bits

_Key = tuple[str, str, str, str, int, int]


@dataclass(frozen=True)
class Reassembled:
    """Frames with each datagram as one frame.

    Attributes:
        frames: in order; a datagram that came in fragments has the place and the time of its first one. It was
            delivered when the last of them was, and is lost if one of them is.
        pieces: the fragments of each such datagram, by the id() of its frame.
        incomplete: the fragments that belong to no complete datagram, in order.
    """

    frames: tuple[Frame, ...]
    pieces: Mapping[int, Sequence[Frame]]
    incomplete: tuple[Frame, ...]


@dataclass
class _Datagram:
    """A datagram of which some fragments were sent; by their offsets in bytes."""

    position: int
    pieces: dict[int, Frame] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether the fragments follow each other without a gap, up to the last one."""
        expected = 0
        for offset in sorted(self.pieces):
            if offset != expected:
                return False
            ip = self.pieces[offset].decoded.ip
            payload = _payload(self.pieces[offset].data)
            if ip is None or payload is None:
                return False
            expected += len(payload)
            if not ip.more_fragments:
                return True
        return False


def reassemble(frames: Iterable[Frame]) -> Reassembled:
    """Put the fragments in these frames together."""
    placed: list[tuple[int, Frame]] = []
    pieces: dict[int, Sequence[Frame]] = {}
    incomplete: list[tuple[int, Frame]] = []
    begun: dict[_Key, _Datagram] = {}
    for position, frame in enumerate(frames):
        ip = frame.decoded.ip
        if ip is None or not ip.is_fragment:
            placed.append((position, frame))
            continue
        key = _key(frame, ip)
        datagram = begun.get(key)
        if datagram is None or ip.offset in datagram.pieces:  # the id is used again
            if datagram is not None:
                incomplete += [(datagram.position, piece) for piece in datagram.pieces.values()]
            datagram = begun[key] = _Datagram(position)
        datagram.pieces[ip.offset] = frame
        if datagram.is_complete:
            del begun[key]
            in_order = [datagram.pieces[offset] for offset in sorted(datagram.pieces)]
            whole = _whole(in_order)
            placed.append((datagram.position, whole))
            pieces[id(whole)] = in_order
    for datagram in begun.values():
        incomplete += [(datagram.position, piece) for piece in datagram.pieces.values()]
    placed.sort(key=lambda each: each[0])
    incomplete.sort(key=lambda each: each[0])
    return Reassembled(
        frames=tuple(frame for _, frame in placed),
        pieces=pieces,
        incomplete=tuple(frame for _, frame in incomplete),
    )


def _key(frame: Frame, ip: Ip) -> _Key:
    """What all fragments of a datagram have in common."""
    protocol = ip.protocol if ip.version == 4 else 0
    return frame.source, frame.toward, ip.source, ip.destination, ip.id, protocol


def _whole(pieces: Sequence[Frame]) -> Frame:
    """The datagram of these fragments, which are in the order of their offsets."""
    earliest = min(pieces, key=lambda piece: piece.sent_at)
    data = _joined([piece.data for piece in pieces])
    times = min(len(piece.deliveries) for piece in pieces)
    deliveries = [_delivery([piece.deliveries[number] for piece in pieces], pieces) for number in range(times)]
    return replace(
        earliest,
        deliveries=tuple(deliveries),
        length=len(data),
        data=data,
    )


def _delivery(deliveries: Sequence[Delivery], pieces: Sequence[Frame]) -> Delivery:
    """The delivery of a whole datagram, when the last of its fragments arrived."""
    last = max(deliveries, key=lambda delivery: delivery.position)
    if all(delivery.damaged is None for delivery in deliveries):
        return replace(last)
    arrived = [delivery.damaged or piece.data for delivery, piece in zip(deliveries, pieces, strict=True)]
    return replace(last, damaged=_joined(arrived))


def _joined(frames: Sequence[bytes]) -> bytes:
    """A frame with the headers of the first one, and the payloads of all."""
    payload = b"".join(_payload(frame) or b"" for frame in frames)
    first = frames[0]
    header = ip_header(first)
    if isinstance(header, Ipv4Header):
        length = min(header.header_length + len(payload), _LARGEST)
        flags = header.fragment & ipv4.DONT_FRAGMENT
        ip = first[ETHERNET_HEADER : ETHERNET_HEADER + 2] + struct.pack("!HHH", length, header.id, flags)
        ip += (
            first[ETHERNET_HEADER + 8 : ETHERNET_HEADER + 10]
            + bytes(2)
            + first[ETHERNET_HEADER + 12 : header.payload_at]
        )
        ip = ip[:10] + struct.pack("!H", internet_sum(ip)) + ip[12:]
        return first[:ETHERNET_HEADER] + ip + payload
    assert header is not None  # only IP has fragments
    # The fragment header stays, as in a datagram of one fragment (RFC 6946), so that its id can be read.
    extensions = first[ETHERNET_HEADER + 40 : header.payload_at - _FRAGMENT_HEADER]
    of_fragment = first[header.payload_at - _FRAGMENT_HEADER : header.payload_at]
    of_fragment = of_fragment[:2] + bytes(2) + of_fragment[4:]
    length = min(len(extensions) + _FRAGMENT_HEADER + len(payload), _LARGEST)
    fixed = first[:_IPV6_LENGTH_AT] + struct.pack("!H", length) + first[_IPV6_LENGTH_AT + 2 : ETHERNET_HEADER + 40]
    return fixed + extensions + of_fragment + payload


def _payload(frame: bytes) -> bytes | None:
    """The payload of a fragment; None if the capture truncated it."""
    header = ip_header(frame)
    if header is None or len(frame) < header.end:
        return None
    return frame[header.payload_at : header.end]
