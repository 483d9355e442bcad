"""The IPv4 header of an Ethernet frame, read in one place: RFC 791 section 3.1."""

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
    """A header that begins at ``at`` in the data that it was read from; lengths in bytes."""

    at: int
    header_length: int
    total_length: int
    id: int
    fragment: int  # flags and offset
    ttl: int
    protocol: int
    source: bytes
    destination: bytes

    @property
    def payload_at(self) -> int:
        """Where the payload begins in that data."""
        return self.at + self.header_length

    @property
    def payload_length(self) -> int:
        """How long the payload is, by the header; a short frame is padded behind it."""
        return self.total_length - self.header_length

    @property
    def end(self) -> int:
        """Where the datagram ends in that data, by the header."""
        return self.at + self.total_length

    @property
    def is_later_fragment(self) -> bool:
        """Whether it is a fragment other than the first, which has no header of TCP or UDP."""
        return bool(self.fragment & OFFSET)


def ipv4_header(frame: bytes) -> Ipv4Header | None:
    """The header of an IPv4 datagram in an Ethernet frame; None for any other frame, and for one that is too short."""
    if frame[12:14] != ETHERTYPE:
        return None
    return read(frame, ETHERNET_HEADER)


def read(data: bytes, at: int) -> Ipv4Header | None:
    """The header that begins at ``at``; None where there is none of version 4."""
    if len(data) < at + SHORTEST:
        return None
    first, total, ident, fragment, ttl, protocol, source, destination = _HEADER.unpack_from(data, at)
    if first >> 4 != 4:
        return None
    return Ipv4Header(at, (first & 15) * 4, total, ident, fragment, ttl, protocol, source, destination)
