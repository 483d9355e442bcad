"""The Internet checksum (RFC 1071), by which a receiver detects that a frame was damaged."""

import struct

from badwire.packets.ip import ip_header
from badwire.packets.ipv4 import ETHERNET_HEADER, ETHERTYPE, ICMP, SHORTEST, TCP, UDP, Ipv4Header
from badwire.packets.ipv6 import ICMPV6

IPV6_ADDRESS = 16  # bytes


def internet_sum(data: bytes) -> int:
    """The Internet checksum of ``data`` (RFC 1071), 16 bits; 0 if ``data`` includes its own correct checksum."""
    if len(data) % 2:
        data += b"\0"
    count = len(data) // 2
    words = struct.unpack(f"!{count}H", data)
    total: int = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """The pseudo-header that the checksums of TCP and UDP include (RFC 9293 section 3.1, RFC 768).

    ``source`` and ``destination`` are addresses of 4 bytes, or of 16 (RFC 8200 section 8.1); ``length`` is that of the
    segment or datagram, in bytes.
    """
    if len(source) == IPV6_ADDRESS:
        return source + destination + struct.pack("!I3xB", length, protocol)
    return source + destination + struct.pack("!BBH", 0, protocol, length)


def checksums_right(frame: bytes) -> bool | None:
    """Whether a frame's checksums are correct: that of the IPv4 header, and that of TCP, UDP, ICMP or ICMPv6.

    None if the frame cannot be checked: it is neither IPv4 nor IPv6, was truncated by the capture, is a fragment, has
    another protocol, or is UDP without a checksum over IPv4.
    """
    ip = ip_header(frame)
    if ip is None:
        if frame[12:14] != ETHERTYPE or len(frame) < ETHERNET_HEADER + SHORTEST:
            return None
        # The kernel counts a wrong version as a header error, like a wrong checksum (net/ipv4/ip_input.c ip_rcv_core).
        return False
    if isinstance(ip, Ipv4Header):
        header = frame[ETHERNET_HEADER : ip.payload_at]
        if ip.header_length < SHORTEST or internet_sum(header) != 0:
            return False
    if ip.is_fragment or len(frame) < ip.end:
        return None
    payload = frame[ip.payload_at : ip.end]
    if ip.protocol == ICMP:
        return internet_sum(payload) == 0
    if ip.protocol not in (TCP, UDP, ICMPV6):
        return None
    has_no_checksum = ip.protocol == UDP and payload[6:8] == bytes(2)
    if has_no_checksum and isinstance(ip, Ipv4Header):
        return None
    pseudo = pseudo_header(ip.source, ip.destination, ip.protocol, len(payload))
    return not has_no_checksum and internet_sum(pseudo + payload) == 0
