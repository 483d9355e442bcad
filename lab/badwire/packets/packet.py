"""Decodes a frame into its layers: Ethernet, ARP, IPv4, TCP with its options, UDP, ICMP.

A truncated or unknown layer is None and not an error, since a corrupted frame is evidence too. The fields of TCP are
named after RFC 9293 section 3.3 (SEG.SEQ, SEG.ACK, SEG.LEN, SEG.WND).
"""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from badwire.packets import ipv4
from badwire.packets.ipv4 import ETHERNET_HEADER as ETHERNET_HEADER
from badwire.packets.tcp_flags import flag_letters

Protocol = Literal["arp", "tcp", "udp", "icmp", "ip", "other"]


@dataclass(frozen=True)
class Arp:
    """An ARP packet (RFC 826); ``operation`` is 1 in a request and 2 in a reply."""

    operation: int
    sender: str
    target: str


@dataclass(frozen=True)
class Ip:
    """An IPv4 header (RFC 791).

    A retransmission has another ``id`` than the first transmission; a duplicate made by the wire has the same ``id``.
    ``length`` (of the datagram) and ``offset`` (of a fragment) are in bytes.
    """

    source: str
    destination: str
    protocol: int
    id: int
    ttl: int
    length: int
    dont_fragment: bool
    more_fragments: bool
    offset: int


@dataclass(frozen=True)
class Options:
    """TCP options (RFC 9293 section 3.2, RFC 7323, RFC 2018); an absent option is None, False or ()."""

    mss: int | None = None
    window_scale: int | None = None
    sack_permitted: bool = False
    sack: tuple[tuple[int, int], ...] = ()
    timestamp: int | None = None
    echo: int | None = None

    @property
    def offered(self) -> tuple[str, ...]:
        """The options that a SYN offers besides its MSS.

        The names are those of the sysctls tcp_timestamps, tcp_sack and tcp_window_scaling, without tcp_. An option is
        used on a connection only if both SYNs offer it.
        """
        offers = {
            "timestamps": self.timestamp is not None,
            "sack": self.sack_permitted,
            "window_scaling": self.window_scale is not None,
        }
        return tuple(name for name, offered in offers.items() if offered)


@dataclass(frozen=True)
class Tcp:
    """A TCP segment (RFC 9293). ``window`` is the header's field, not scaled.

    ``data_length`` is in bytes, computed from the headers; ``data`` is shorter if the capture truncated the frame.
    """

    source_port: int
    destination_port: int
    seq: int
    ack: int
    window: int
    flags: str
    data: bytes
    data_length: int
    options: Options

    @property
    def length(self) -> int:
        """SEG.LEN: how many sequence numbers the segment occupies, one for each byte of data, for SYN and for FIN."""
        return self.data_length + ("S" in self.flags) + ("F" in self.flags)


@dataclass(frozen=True)
class Udp:
    """A UDP datagram (RFC 768); ``data_length`` is in bytes, without the UDP header."""

    source_port: int
    destination_port: int
    data: bytes
    data_length: int


@dataclass(frozen=True)
class Icmp:
    """An ICMP message (RFC 792); type 3 code 3 is "port unreachable".

    ``quoted`` is the start of the datagram that an error message reports. ``next_mtu`` is the MTU of the next hop, in
    bytes, in "fragmentation needed" (type 3 code 4, RFC 1191); otherwise None.
    """

    type: int
    code: int
    quoted: "Packet | None"
    next_mtu: int | None = None


@dataclass(frozen=True)
class Packet:
    """A decoded frame; a layer that it does not have is None."""

    source_mac: str
    destination_mac: str
    ethertype: int
    arp: Arp | None = None
    ip: Ip | None = None
    tcp: Tcp | None = None
    udp: Udp | None = None
    icmp: Icmp | None = None

    @property
    def protocol(self) -> Protocol:
        """The innermost protocol that was decoded."""
        if self.ip is None:
            return "arp" if self.arp else "other"
        return "tcp" if self.tcp else "udp" if self.udp else "icmp" if self.icmp else "ip"

    @property
    def ports(self) -> tuple[int, int] | None:
        """Source and destination port of a TCP segment or a UDP datagram."""
        layer = self.tcp or self.udp
        return (layer.source_port, layer.destination_port) if layer else None


IPV4 = 0x0800
ARP = 0x0806


@lru_cache(maxsize=4096)  # each frame is decoded at least twice: when it is sent and when it is delivered
def decode(frame: bytes) -> Packet:
    """Decode an Ethernet frame; never raises an error."""
    if len(frame) < ETHERNET_HEADER:
        return Packet("", "", 0)
    ethertype = int.from_bytes(frame[12:14], "big")
    macs = (frame[6:12].hex(":"), frame[0:6].hex(":"))
    body = frame[ETHERNET_HEADER:]
    if ethertype == ARP and len(body) >= 28:
        operation = int.from_bytes(body[6:8], "big")
        return Packet(*macs, ethertype, arp=Arp(operation, _address(body[14:18]), _address(body[24:28])))
    if ethertype == IPV4:
        ip, tcp, udp, icmp = _ipv4(body)
        return Packet(*macs, ethertype, None, ip, tcp, udp, icmp)
    return Packet(*macs, ethertype)


def relative(number: int, start: int) -> int:
    """The sequence number ``number`` relative to ``start``, modulo 2**32 (RFC 9293 section 3.4)."""
    return (number - start) % 2**32


def _ipv4(body: bytes) -> tuple[Ip | None, Tcp | None, Udp | None, Icmp | None]:
    header = ipv4.read(body, 0)
    if header is None:
        return None, None, None, None
    ip = Ip(
        source=_address(header.source),
        destination=_address(header.destination),
        protocol=header.protocol,
        id=header.id,
        ttl=header.ttl,
        length=header.total_length,
        dont_fragment=bool(header.fragment & ipv4.DONT_FRAGMENT),
        more_fragments=bool(header.fragment & ipv4.MORE_FRAGMENTS),
        offset=(header.fragment & ipv4.OFFSET) * 8,
    )
    if header.is_later_fragment or header.header_length < ipv4.SHORTEST:
        return ip, None, None, None
    inner = body[header.payload_at : header.end]
    length = header.payload_length
    if header.protocol == ipv4.TCP and len(inner) >= 20:
        return ip, _tcp(inner, length), None, None
    if header.protocol == ipv4.UDP and len(inner) >= 8:
        return ip, None, _udp(inner, length), None
    if header.protocol == ipv4.ICMP and len(inner) >= 8:
        return ip, None, None, _icmp(inner)
    return ip, None, None, None


def _icmp(inner: bytes) -> Icmp:
    next_mtu = int.from_bytes(inner[6:8], "big") if inner[:2] == b"\x03\x04" else None
    return Icmp(inner[0], inner[1], _quoted(inner), next_mtu)


def _udp(inner: bytes, length: int) -> Udp:
    source, destination = struct.unpack_from("!HH", inner)
    return Udp(source, destination, inner[8:], length - 8)


def _tcp(inner: bytes, length: int) -> Tcp:
    source, destination, seq, ack, offset, bits, window = struct.unpack_from("!HHIIBBH", inner)
    header = (offset >> 4) * 4  # bytes
    flags = flag_letters(bits)
    data = inner[header:]
    return Tcp(
        source,
        destination,
        seq,
        ack,
        window,
        flags,
        data,
        max(0, length - header),
        _tcp_options(inner[20 : max(20, header)]),
    )


def _tcp_options(data: bytes) -> Options:
    """Decode options of kind, length and value; kind 0 ends the list, kind 1 is one byte (RFC 9293 section 3.2)."""
    mss = scale = stamp = echo = None
    permitted = False
    blocks: tuple[tuple[int, int], ...] = ()
    at = 0
    while at < len(data) and data[at] != 0:
        if data[at] == 1:
            at += 1
            continue
        size = data[at + 1] if at + 1 < len(data) else 0
        value = data[at + 2 : at + size]
        if size < 2 or len(value) != size - 2:
            break
        match data[at], len(value):
            case 2, 2:
                mss = int.from_bytes(value, "big")
            case 3, 1:
                scale = value[0]
            case 4, 0:
                permitted = True
            case 5, length if length % 8 == 0:
                blocks = tuple(struct.iter_unpack("!II", value))
            case 8, 8:
                stamp, echo = struct.unpack("!II", value)
        at += size
    return Options(mss, scale, permitted, blocks, stamp, echo)


def _quoted(inner: bytes) -> Packet | None:
    """The datagram quoted by an ICMP error; None for other messages."""
    if inner[0] not in (3, 4, 5, 11, 12) or len(inner) < 28:
        return None
    body = inner[8:]
    ip, tcp, udp, icmp = _ipv4(body)
    return Packet("", "", IPV4, None, ip, tcp, udp, icmp)


def _address(four: bytes) -> str:
    return ".".join(str(byte) for byte in four)
