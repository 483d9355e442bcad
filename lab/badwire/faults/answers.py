"""The frames with which the wire itself answers a frame: ICMP and ICMPv6 errors, and resets of TCP.

A bridge has no IP address, so an error comes from the address of the host that was not reached, as from a bridging
firewall.
"""

import struct

from badwire.packets.checksum import internet_sum, pseudo_header
from badwire.packets.ip import IpHeader, ip_header
from badwire.packets.ipv4 import DONT_FRAGMENT, ETHERNET_HEADER, ETHERTYPE, ICMP, SHORTEST, TCP, Ipv4Header
from badwire.packets.ipv6 import ETHERTYPE as IPV6_ETHERTYPE
from badwire.packets.ipv6 import HEADER, ICMPV6, Ipv6Header

_VERSION_AND_LENGTH = 0x45  # IPv4, a header of five 32-bit words
_IPV6_VERSION = 6 << 28
_TTL = 64
_QUOTED = 8  # bytes of the datagram after its IP header (RFC 792)
_FIRST_INFORMATIONAL = b"\x80"  # the first ICMPv6 type that is not an error
_ICMPV6_HEADER = 8  # bytes, with the word after the checksum
_IPV6_MTU = 1280  # bytes, which every link must forward (RFC 8200 section 5)

_TCP = struct.Struct("!HHIIBBHHH")
_TCP_HEADER = 20  # bytes without options
_FIN = 0x01
_SYN = 0x02
_RST = 0x04
_ACK = 0x10


def may_be_answered(frame: bytes, ip: IpHeader) -> bool:
    """Whether an ICMP error may be sent about this datagram.

    None is sent about a later fragment, nor about an ICMP error (RFC 1122 section 3.2.2, RFC 4443 section 2.4). Over
    IPv4, none is sent about any ICMP message.
    """
    if ip.is_later_fragment:
        return False
    if isinstance(ip, Ipv4Header):
        return ip.protocol != ICMP
    kind = frame[ip.payload_at : ip.payload_at + 1]
    return ip.protocol != ICMPV6 or kind >= _FIRST_INFORMATIONAL


def icmp_error(frame: bytes, ip: IpHeader, kind: int, code: int, word: int = 0) -> bytes:
    """An ICMP error, or over IPv6 an ICMPv6 error, to the sender of this frame.

    Args:
        frame: what it is about. Of its datagram it quotes the header and 8 bytes (RFC 792), over IPv6 as much as fits
            into that version's minimum MTU (RFC 4443 section 2.4).
        ip: the frame's IP header.
        kind: the message's type.
        code: its code.
        word: the 32 bits after its checksum.
    """
    head = struct.pack("!BBHI", kind, code, 0, word)
    if isinstance(ip, Ipv6Header):
        quoted = frame[ETHERNET_HEADER : min(ip.end, ETHERNET_HEADER + _IPV6_MTU - HEADER - _ICMPV6_HEADER)]
        checksum = internet_sum(_pseudo_header(ip, ICMPV6, len(head + quoted), back=True) + head + quoted)
        protocol = ICMPV6
    else:
        quoted = frame[ETHERNET_HEADER : ip.payload_at + _QUOTED]
        checksum = internet_sum(head + quoted)
        protocol = ICMP
    message = _with_checksum(head + quoted, at=2, checksum=checksum)
    return _in_frame(frame, ip, protocol, message, back=True)


def resets(frame: bytes) -> tuple[bytes, ...]:
    """A reset to the sender of this TCP segment, and one to its receiver; none for any other frame.

    The sender's is the one with which a host answers a segment of a connection that does not exist (RFC 9293 section
    3.10.7.1). The receiver's has the segment's own sequence number, as if the sender had aborted the connection
    instead; a receiver accepts it if that is the next number that it expects (RFC 9293 section 3.10.7.4). A reset is
    not answered.
    """
    ip = ip_header(frame)
    if ip is None or ip.is_fragment or ip.protocol != TCP or len(frame) < ip.payload_at + _TCP_HEADER:
        return ()
    source, target, sequence, acknowledged, offset, flags, *_ = _TCP.unpack_from(frame, ip.payload_at)
    if flags & _RST:
        return ()
    if flags & _ACK:
        back = _TCP.pack(target, source, acknowledged, 0, _TCP_HEADER // 4 << 4, _RST, 0, 0, 0)
    else:
        length = ip.payload_length - (offset >> 4) * 4 + bool(flags & _SYN) + bool(flags & _FIN)
        end = (sequence + length) % (1 << 32)
        back = _TCP.pack(target, source, 0, end, _TCP_HEADER // 4 << 4, _RST | _ACK, 0, 0, 0)
    has_ack = flags & _ACK
    onward = _TCP.pack(source, target, sequence, acknowledged, _TCP_HEADER // 4 << 4, _RST | has_ack, 0, 0, 0)
    return _segment_in_frame(frame, ip, back, back=True), _segment_in_frame(frame, ip, onward, back=False)


def _segment_in_frame(frame: bytes, ip: IpHeader, segment: bytes, back: bool) -> bytes:
    checksum = internet_sum(_pseudo_header(ip, TCP, len(segment), back) + segment)
    return _in_frame(frame, ip, TCP, _with_checksum(segment, at=16, checksum=checksum), back)


def _pseudo_header(ip: IpHeader, protocol: int, length: int, back: bool) -> bytes:
    source, destination = _addresses(ip, back)
    return pseudo_header(source, destination, protocol, length)


def _addresses(ip: IpHeader, back: bool) -> tuple[bytes, bytes]:
    """The source and the destination of an answer: those of the datagram, exchanged if it goes ``back``."""
    return (ip.destination, ip.source) if back else (ip.source, ip.destination)


def _in_frame(frame: bytes, ip: IpHeader, protocol: int, message: bytes, back: bool) -> bytes:
    """The message in a frame from the receiver of ``frame`` to its sender if it goes ``back``, else the other way."""
    source, destination = _addresses(ip, back)
    macs = frame[6:12] + frame[0:6] if back else frame[0:12]
    if isinstance(ip, Ipv6Header):
        header = struct.pack("!IHBB", _IPV6_VERSION, len(message), protocol, _TTL) + source + destination
        return macs + IPV6_ETHERTYPE + header + message
    header = struct.pack(
        "!BBHHHBBH4s4s",
        _VERSION_AND_LENGTH,
        0,  # type of service
        SHORTEST + len(message),
        0,  # identification
        DONT_FRAGMENT,
        _TTL,
        protocol,
        0,  # checksum
        source,
        destination,
    )
    return macs + ETHERTYPE + _with_checksum(header, at=10, checksum=internet_sum(header)) + message


def _with_checksum(data: bytes, at: int, checksum: int) -> bytes:
    """The data with this checksum in place of the two zero bytes at ``at``."""
    return data[:at] + struct.pack("!H", checksum) + data[at + 2 :]
