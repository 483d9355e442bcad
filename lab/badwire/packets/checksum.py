"""The Internet checksum (RFC 1071), by which a receiver detects that a frame was damaged."""

import struct

from badwire.packets.ipv4 import (
    ETHERNET_HEADER,
    ETHERTYPE,
    ICMP,
    MORE_FRAGMENTS,
    OFFSET,
    SHORTEST,
    TCP,
    UDP,
    ipv4_header,
)


def internet_sum(data: bytes) -> int:
    """The Internet checksum of ``data`` (RFC 1071), 16 bits; 0 if ``data`` includes its own correct checksum."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """The pseudo-header that the checksums of TCP and UDP include (RFC 9293 section 3.1, RFC 768).

    ``source`` and ``destination`` are addresses of 4 bytes; ``length`` is that of the segment or datagram, in bytes.
    """
    return source + destination + struct.pack("!BBH", 0, protocol, length)


def checksums_right(frame: bytes) -> bool | None:
    """Whether a frame's checksums are correct: that of the IPv4 header, and that of TCP, UDP or ICMP.

    None if the frame cannot be checked: it is not IPv4, was truncated by the capture, is a fragment, has another
    protocol, or is UDP without a checksum.
    """
    ip = ipv4_header(frame)
    if ip is None:
        # the kernel counts a wrong version as a header error, like a wrong checksum (net/ipv4/ip_input.c ip_rcv_core)
        complete = frame[12:14] == ETHERTYPE and len(frame) >= ETHERNET_HEADER + SHORTEST
        return False if complete else None
    if ip.header_length < SHORTEST or internet_sum(frame[ETHERNET_HEADER : ip.payload_at]) != 0:
        return False
    end = ETHERNET_HEADER + ip.total_length
    if len(frame) < end or ip.fragment & (MORE_FRAGMENTS | OFFSET):
        return None
    inner = frame[ip.payload_at : end]
    if ip.protocol == ICMP:
        return internet_sum(inner) == 0
    no_sum = ip.protocol == UDP and inner[6:8] == bytes(2)
    if no_sum or ip.protocol not in (TCP, UDP):
        return None
    return internet_sum(pseudo_header(ip.source, ip.destination, ip.protocol, len(inner)) + inner) == 0
