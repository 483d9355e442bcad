"""The Internet checksum, and whether a frame's are right: how a receiver finds out that a segment was damaged."""

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
    """The 16-bit ones' complement sum of RFC 1071, complemented: 0 over data that carries its own right checksum."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """What TCP and UDP add in front of themselves before they sum (RFC 9293 section 3.1)."""
    return source + destination + struct.pack("!BBH", 0, protocol, length)


def checksums_right(frame: bytes) -> bool | None:
    """Whether a frame's checksums are right: that of the IPv4 header, and that of TCP, UDP or ICMP.

    None where nothing can be said: not IPv4, cut short by the capture, a fragment, or UDP that carries no checksum.
    """
    ip = ipv4_header(frame)
    if ip is None:
        # the kernel counts a wrong version as it counts a wrong sum (net/ipv4/ip_input.c ip_rcv_core)
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
