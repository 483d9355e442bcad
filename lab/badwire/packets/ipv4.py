"""Parses the IPv4 header of an Ethernet frame (RFC 791 section 3.1)."""

import struct
from typing import NamedTuple

ETHERNET_HEADER = 14  # bytes
ETHERTYPE = b"\x08\x00"
SHORTEST = 20  # bytes of a header without options

ICMP = 1
TCP = 6
UDP = 17

DONT_FRAGMENT = 0x4000
MORE_FRAGMENTS = 0x2000
OFFSET = 0x1FFF  # in units of 8 bytes

_HEADER = struct.Struct("!BxHHHBBxx4s4s")


class Ipv4Header(NamedTuple):
    """An IPv4 header; ``at`` is its offset in the parsed data. Lengths and offsets are in bytes."""

    at: int
    header_length: int
    total_length: int
    id: int
    fragment: int  # the 16 bits of flags and offset
    ttl: int
    protocol: int
    source: bytes
    destination: bytes

    @property
    def payload_at(self) -> int:
        """The offset of the payload in the parsed data."""
        return self.at + self.header_length

    @property
    def payload_length(self) -> int:
        """The length of the payload according to the header; the padding of a short frame may follow it."""
        return self.total_length - self.header_length

    @property
    def end(self) -> int:
        """The offset of the datagram's end in the parsed data, according to the header."""
        return self.at + self.total_length

    @property
    def is_fragment(self) -> bool:
        """Whether this is a piece of a datagram."""
        return bool(self.fragment & (MORE_FRAGMENTS | OFFSET))

    @property
    def is_later_fragment(self) -> bool:
        """Whether this is a fragment other than the first, and so has no TCP or UDP header."""
        return bool(self.fragment & OFFSET)


def ipv4_header(frame: bytes) -> Ipv4Header | None:
    """The IPv4 header of an Ethernet frame; None if the frame does not contain IPv4 or is too short."""
    if frame[12:14] != ETHERTYPE:
        return None
    return read(frame, ETHERNET_HEADER)


def read(data: bytes, at: int) -> Ipv4Header | None:
    """The IPv4 header at offset ``at``; None if the data is too short or the version is not 4."""
    if len(data) < at + SHORTEST:
        return None
    first, total, ident, fragment, ttl, protocol, source, destination = _HEADER.unpack_from(data, at)
    if first >> 4 != 4:
        return None
    return Ipv4Header(at, (first & 15) * 4, total, ident, fragment, ttl, protocol, source, destination)
