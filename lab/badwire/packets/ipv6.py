"""Parses the IPv6 header of an Ethernet frame and its extension headers (RFC 8200 sections 3 and 4)."""

import struct
from typing import NamedTuple

ETHERTYPE = b"\x86\xdd"
HEADER = 40  # bytes of the fixed header

ICMPV6 = 58

_HOP_BY_HOP = 0
_ROUTING = 43
_FRAGMENT = 44
_AUTHENTICATION = 51
_DESTINATION_OPTIONS = 60
_MOBILITY = 135
_HIP = 139
_SHIM6 = 140
# Extension headers whose second byte is their length in units of 8 bytes, without the first 8 (RFC 6564 section 4).
_WITH_LENGTH = {_HOP_BY_HOP, _ROUTING, _DESTINATION_OPTIONS, _MOBILITY, _HIP, _SHIM6}
_EXTENSIONS = {*_WITH_LENGTH, _FRAGMENT, _AUTHENTICATION}
_FRAGMENT_HEADER = 8  # bytes
_OFFSET = 0xFFF8  # of the fragment header's 16 bits of offset and flags: the offset, in bytes
_MORE = 0x0001

_FIXED = struct.Struct("!IHBB16s16s")
_FRAGMENT_FIELDS = struct.Struct("!xxHI")


class Ipv6Header(NamedTuple):
    """An IPv6 header with its extension headers; ``at`` is its offset in the parsed data.

    Lengths and offsets are in bytes. ``protocol`` is the next header after the last extension header that was parsed;
    it is the number of an extension header if the data ends within that. ``id`` is that of the fragment header, 0
    without one.
    """

    at: int
    payload_at: int
    total_length: int
    hop_limit: int
    protocol: int
    source: bytes
    destination: bytes
    id: int = 0
    offset: int = 0
    more_fragments: bool = False

    @property
    def payload_length(self) -> int:
        """The length of the payload after all extension headers, according to the header."""
        return self.at + self.total_length - self.payload_at

    @property
    def end(self) -> int:
        """The offset of the datagram's end in the parsed data, according to the header."""
        return self.at + self.total_length

    @property
    def is_fragment(self) -> bool:
        """Whether this is a piece of a datagram."""
        return self.more_fragments or self.offset > 0

    @property
    def is_later_fragment(self) -> bool:
        """Whether this is a fragment other than the first, and so has no TCP or UDP header."""
        return self.offset > 0

    @property
    def is_cut_short(self) -> bool:
        """Whether the data ends before the payload's protocol is known."""
        return self.protocol in _EXTENSIONS and not self.is_later_fragment


def read(data: bytes, at: int) -> Ipv6Header | None:
    """The IPv6 header at offset ``at``; None if the data is too short or the version is not 6."""
    size = len(data)
    if size < at + HEADER:
        return None
    first, payload_length, protocol, hop_limit, source, destination = _FIXED.unpack_from(data, at)
    if first >> 28 != 6:
        return None
    total_length = HEADER + payload_length
    payload_at = at + HEADER
    ident = 0
    offset = 0
    more_fragments = False
    while protocol in _EXTENSIONS and size >= payload_at + _FRAGMENT_HEADER and offset == 0:
        following = data[payload_at]
        if protocol == _FRAGMENT:
            bits, ident = _FRAGMENT_FIELDS.unpack_from(data, payload_at)
            offset = bits & _OFFSET
            more_fragments = bool(bits & _MORE)
            length = _FRAGMENT_HEADER
        elif protocol == _AUTHENTICATION:
            length = (data[payload_at + 1] + 2) * 4  # RFC 4302 section 2.2
        else:
            length = (data[payload_at + 1] + 1) * 8
        protocol = following
        payload_at += length
    return Ipv6Header(
        at,
        payload_at,
        total_length,
        hop_limit,
        protocol,
        source,
        destination,
        ident,
        offset,
        more_fragments,
    )
