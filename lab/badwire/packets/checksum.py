"""The Internet checksum, and whether a frame's are right: how a receiver finds out that a segment was damaged."""

import struct

_TCP, _UDP, _ICMP = 6, 17, 1


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
    body = frame[14:]
    if frame[12:14] != b"\x08\x00" or len(body) < 20:
        return None
    header, length = (body[0] & 15) * 4, int.from_bytes(body[2:4], "big")
    if header < 20 or internet_sum(body[:header]) != 0:
        return False
    if len(body) < length or int.from_bytes(body[6:8], "big") & 0x3FFF:
        return None
    protocol, inner = body[9], body[header:length]
    if protocol == _ICMP:
        return internet_sum(inner) == 0
    if protocol not in (_TCP, _UDP) or (protocol == _UDP and inner[6:8] == bytes(2)):
        return None
    return internet_sum(pseudo_header(body[12:16], body[16:20], protocol, len(inner)) + inner) == 0
