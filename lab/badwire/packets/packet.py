"""Frames taken apart into the layers of badwire.packets.packet.

What is cut short or unknown is None, never an error: a corrupted frame is evidence too.

The layers of a frame, Ethernet, ARP, IPv4, TCP with its options, UDP, ICMP, each a plain frozen value.

TCP fields have the names of RFC 9293 section 3.3 (SEG.SEQ, SEG.ACK, SEG.LEN, SEG.WND).
"""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from badwire.packets import ipv4
from badwire.packets.ipv4 import ETHERNET_HEADER as ETHERNET_HEADER

Protocol = Literal["arp", "tcp", "udp", "icmp", "ip", "other"]


@dataclass(frozen=True)
class Arp:
    """RFC 826: ``operation`` 1 asks, 2 answers."""

    operation: int
    sender: str
    target: str


@dataclass(frozen=True)
class Ip:
    """RFC 791; ``id`` tells a retransmission from a copy, ``length`` is that of the whole datagram in bytes."""

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
    """TCP options; None or False when the segment does not carry them (RFC 9293 3.2, RFC 7323, RFC 2018)."""

    mss: int | None = None
    window_scale: int | None = None
    sack_permitted: bool = False
    sack: tuple[tuple[int, int], ...] = ()
    timestamp: int | None = None
    echo: int | None = None

    @property
    def offered(self) -> tuple[str, ...]:
        """What a SYN offers besides its MSS, by the names of the sysctls that turn it on: both sides must offer it."""
        there = {
            "timestamps": self.timestamp is not None,
            "sack": self.sack_permitted,
            "window_scaling": self.window_scale is not None,
        }
        return tuple(name for name, offered in there.items() if offered)


@dataclass(frozen=True)
class Tcp:
    """A segment. ``window`` is as on the wire, not scaled; ``length`` is SEG.LEN, which counts SYN and FIN."""

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
        """Sequence numbers that the segment takes: a byte each, and one each for SYN and FIN."""
        return self.data_length + ("S" in self.flags) + ("F" in self.flags)


@dataclass(frozen=True)
class Udp:
    """RFC 768; ``data_length`` without the eight bytes of header."""

    source_port: int
    destination_port: int
    data: bytes
    data_length: int


@dataclass(frozen=True)
class Icmp:
    """RFC 792; type 3 code 3 is "port unreachable"; ``quoted`` is the datagram that an error message speaks of.

    ``next_mtu`` is what "fragmentation needed", type 3 code 4, says of the next link (RFC 1191); else None.
    """

    type: int
    code: int
    quoted: "Packet | None"
    next_mtu: int | None = None


@dataclass(frozen=True)
class Packet:
    """A frame; the layers that it does not have are None."""

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
        """The innermost protocol that this module knows."""
        if self.ip is None:
            return "arp" if self.arp else "other"
        return "tcp" if self.tcp else "udp" if self.udp else "icmp" if self.icmp else "ip"

    @property
    def ports(self) -> tuple[int, int] | None:
        """Source and destination port of a TCP segment or a UDP datagram."""
        layer = self.tcp or self.udp
        return (layer.source_port, layer.destination_port) if layer else None


IPV4, ARP = 0x0800, 0x0806
LETTERS = "SFRPAUEC"  # control bits, in the order in which this project writes them
_BITS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}


@lru_cache(maxsize=4096)  # each frame is seen at least twice, sent and delivered
def decode(frame: bytes) -> Packet:
    """Take a frame apart as far as it can be understood."""
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


def has_flags(flags: str, wanted: str) -> bool:
    """Whether a segment with ``flags`` is what ``wanted`` asks for.

    Of S, F and R exactly those that ``wanted`` names are set; A and the rest must be set when named; beside S, A must
    be clear when not named. So "S" and "SA" differ, "F" finds "FA" and "FPA", "A" finds no "SA". A may be written ".".
    Faults read flags in the same way.
    """
    wanted = wanted.replace(".", "A")
    if unknown := set(wanted) - set(LETTERS):
        raise ValueError(f"no such TCP flag: {''.join(sorted(unknown))} (there are {LETTERS})")
    if set(flags) & set("SFR") != set(wanted) & set("SFR"):
        return False
    return set(wanted) <= set(flags) and ("S" not in wanted or ("A" in wanted) == ("A" in flags))


def relative(number: int, start: int) -> int:
    """A sequence number counted from ``start``, modulo 2**32 (RFC 9293 section 3.4)."""
    return (number - start) % 2**32


def flag_bits(flags: str) -> int:
    """The control bits as in the header."""
    return sum(_BITS[letter] for letter in flags)


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
    header = (offset >> 4) * 4
    flags = "".join(letter for letter in LETTERS if bits & _BITS[letter])
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
    """RFC 9293 section 3.2: kind, length, value; 0 ends the list, 1 fills a byte."""
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
    """The datagram inside an ICMP error, of which eight bytes behind its IP header are enough for the ports."""
    if inner[0] not in (3, 4, 5, 11, 12) or len(inner) < 28:
        return None
    body = inner[8:]
    ip, tcp, udp, icmp = _ipv4(body)
    return Packet("", "", IPV4, None, ip, tcp, udp, icmp)


def _address(four: bytes) -> str:
    return ".".join(str(byte) for byte in four)
