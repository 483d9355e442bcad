"""Decodes a frame into its layers: Ethernet, ARP, IPv4, IPv6, TCP with its options, UDP, ICMP, ICMPv6.

A truncated or unknown layer is None and not an error, since a corrupted frame is evidence too. The fields of TCP are
named after RFC 9293 section 3.3 (SEG.SEQ, SEG.ACK, SEG.LEN, SEG.WND).
"""

import struct
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Any, Literal

from badwire.packets import ipv4, ipv6
from badwire.packets.ipv4 import ETHERNET_HEADER as ETHERNET_HEADER
from badwire.packets.tcp_flags import flag_letters

Protocol = Literal["arp", "tcp", "udp", "icmp", "icmp6", "ip", "other"]


@dataclass(frozen=True)
class Arp:
    """An ARP packet (RFC 826); ``operation`` is 1 in a request and 2 in a reply."""

    operation: int
    sender: str
    target: str


@dataclass(frozen=True)
class Ip:
    """An IPv4 header (RFC 791), or an IPv6 header with its extension headers (RFC 8200).

    In IPv4, a retransmission has another ``id`` than the first transmission; a duplicate made by the wire has the same
    ``id``. In IPv6 ``id`` is that of the fragment header, 0 without one; ``ttl`` is the hop limit; ``dont_fragment`` is
    true, since no router fragments; ``protocol`` is the next header after the extension headers. ``length`` (of the
    datagram, with its headers) and ``offset`` (of a fragment) are in bytes.
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
    version: int = 4

    @property
    def is_fragment(self) -> bool:
        """Whether this is a piece of a datagram."""
        return self.more_fragments or self.offset > 0


@dataclass(frozen=True)
class TcpOption:
    """A TCP option that is not decoded; ``length`` is its length field, in bytes, with kind and length themselves.

    ``value`` is shorter than ``length - 2`` bytes if the header ends before the option does. ``length`` is 0 if the
    header ends before the length field.
    """

    kind: int
    length: int
    value: bytes = b""


@dataclass(frozen=True)
class TcpOptions:
    """TCP options (RFC 9293 section 3.2, RFC 7323, RFC 2018, RFC 7413); an absent option is None, False or ().

    ``fast_open`` is the cookie of TCP Fast Open; an empty one asks for a cookie. ``others`` has, in order, each option
    of another kind, and each whose length is wrong for its kind.
    """

    mss: int | None = None
    window_scale: int | None = None
    sack_permitted: bool = False
    sack: tuple[tuple[int, int], ...] = ()
    timestamp: int | None = None
    echo: int | None = None
    fast_open: bytes | None = None
    others: tuple[TcpOption, ...] = ()

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
        found = [name for name, is_offered in offers.items() if is_offered]
        return tuple(found)


@dataclass(frozen=True)
class Tcp:
    """A TCP segment (RFC 9293). ``window`` is the header's field, not scaled.

    ``data_length`` is in bytes, computed from the headers. ``captured`` is the data as far as the capture has it, so it
    is shorter when the capture cut the frame.
    """

    source_port: int
    destination_port: int
    seq: int
    ack: int
    window: int
    flags: str
    captured: bytes
    data_length: int
    options: TcpOptions

    @property
    def length(self) -> int:
        """SEG.LEN: how many sequence numbers the segment occupies, one for each byte of data, for SYN and for FIN."""
        length = self.data_length
        if "S" in self.flags:
            length += 1
        if "F" in self.flags:
            length += 1
        return length


@dataclass(frozen=True)
class Udp:
    """A UDP datagram (RFC 768); ``data_length`` is in bytes, without the UDP header.

    ``captured`` is the data as far as the capture has it, so it is shorter when the capture cut the frame.
    """

    source_port: int
    destination_port: int
    captured: bytes
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
class Icmp6:
    """An ICMPv6 message (RFC 4443, RFC 4861); type 1 code 4 is "port unreachable".

    ``quoted`` is the start of the datagram that an error message reports. ``next_mtu`` is the MTU of the next hop, in
    bytes, in "packet too big" (type 2); otherwise None. ``target`` is the address that a neighbour solicitation (type
    135) asks for, or that a neighbour advertisement (type 136) is about; otherwise None. ``length`` is that of the
    message, in bytes; ``echo`` the identifier and the sequence number of an echo request or reply (types 128, 129).
    """

    type: int
    code: int
    quoted: "Packet | None"
    next_mtu: int | None = None
    target: str | None = None
    length: int = 0
    echo: tuple[int, int] | None = None

    @property
    def is_neighbour_discovery(self) -> bool:
        """Whether it is a message of RFC 4861: solicitations, advertisements and redirects."""
        return self.type in _NEIGHBOUR_DISCOVERY


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
    icmp6: Icmp6 | None = None

    @property
    def is_later_fragment(self) -> bool:
        """Whether it is a fragment without the headers of its datagram, which are in the first one."""
        return self.ip is not None and self.ip.offset > 0

    @property
    def unread(self) -> str:
        """What was not decoded, such as ``ethertype 0x88cc``, so that the frame may be anything; empty if nothing.

        A protocol that is known to carry no TCP, UDP or ICMP is not decoded either, but counts as read.
        """
        if self.protocol not in ("ip", "other"):
            return ""
        if self.ip is None:
            return _ETHERTYPES_CUT_SHORT.get(self.ethertype, f"ethertype 0x{self.ethertype:04x}")
        if self.ip.protocol in _PLAIN_PROTOCOLS:
            return ""
        name = _DECODED.get(self.ip.protocol)
        if self.ip.offset:
            return f"later fragments of {name or f'IP protocol {self.ip.protocol}'}"
        return f"{name} cut short" if name else f"IP protocol {self.ip.protocol}"

    @property
    def protocol(self) -> Protocol:
        """The innermost protocol that was decoded."""
        if self.arp:
            return "arp"
        if self.tcp:
            return "tcp"
        if self.udp:
            return "udp"
        if self.icmp:
            return "icmp"
        if self.icmp6:
            return "icmp6"
        return "ip" if self.ip else "other"

    @property
    def ports(self) -> tuple[int, int] | None:
        """Source and destination port of a TCP segment or a UDP datagram."""
        layer = self.tcp or self.udp
        if layer is None:
            return None
        return layer.source_port, layer.destination_port


IPV4 = 0x0800
ARP = 0x0806
IPV6 = 0x86DD
_ETHERTYPES_CUT_SHORT = {ARP: "ARP cut short", IPV4: "IPv4 cut short", IPV6: "IPv6 cut short"}
_DECODED = {ipv4.ICMP: "ICMP", ipv4.TCP: "TCP", ipv4.UDP: "UDP", ipv6.ICMPV6: "ICMPv6"}
# Of the protocols that are not decoded, those that carry no other datagram: IGMP, DCCP, no next header, OSPF, PIM,
# VRRP, SCTP, UDP-Lite (https://www.iana.org/assignments/protocol-numbers).
_PLAIN_PROTOCOLS = {2, 33, 59, 89, 103, 112, 132, 136}
_ARP_LENGTH = 28  # bytes
_TCP_HEADER = 20  # bytes, without options
_END_OF_OPTIONS = 0
_NO_OPERATION = 1
_MSS = 2
_WINDOW_SCALE = 3
_SACK_PERMITTED = 4
_SACK = 5
_TIMESTAMPS = 8
_FAST_OPEN = 34
_COOKIE = range(4, 17)  # bytes of a cookie of TCP Fast Open (RFC 7413 section 4.1.1)
_UDP_HEADER = 8  # bytes
_ICMP_HEADER = 8  # bytes
_FRAGMENTATION_NEEDED = b"\x03\x04"  # ICMP type and code
# The ICMP errors that quote a datagram: destination unreachable, source quench, redirect, time exceeded, parameter
# problem (RFC 792).
_ERROR_TYPES = {3, 4, 5, 11, 12}
_ICMPV6_HEADER = 8  # bytes, with the four of the message body that each message has
_PACKET_TOO_BIG = 2
_ICMPV6_INFORMATIONAL = 128  # the first type that is not an error (RFC 4443 section 2.1)
_ECHO = (128, 129)
_NEIGHBOUR_SOLICITATION = 135
_NEIGHBOUR_ADVERTISEMENT = 136
_NEIGHBOUR_DISCOVERY = range(133, 138)
_TARGET_END = 24  # of the ICMPv6 message


@lru_cache(maxsize=4096)  # each frame is decoded at least twice: when it is sent and when it is delivered
def decode(frame: bytes) -> Packet:
    """Decode an Ethernet frame; never raises an error."""
    if len(frame) < ETHERNET_HEADER:
        return Packet("", "", 0)
    destination_mac = frame[0:6].hex(":")
    source_mac = frame[6:12].hex(":")
    ethertype = int.from_bytes(frame[12:14], "big")
    body = frame[ETHERNET_HEADER:]
    if ethertype == ARP and len(body) >= _ARP_LENGTH:
        return Packet(source_mac, destination_mac, ethertype, arp=_arp(body))
    if ethertype == IPV4:
        return _ipv4(body, source_mac, destination_mac)
    if ethertype == IPV6:
        return _ipv6(body, source_mac, destination_mac)
    return Packet(source_mac, destination_mac, ethertype)


def _arp(body: bytes) -> Arp:
    return Arp(
        operation=int.from_bytes(body[6:8], "big"),
        sender=_address(body[14:18]),
        target=_address(body[24:28]),
    )


def relative(number: int, start: int) -> int:
    """The sequence number ``number`` relative to ``start``, modulo 2**32 (RFC 9293 section 3.4)."""
    return (number - start) % 2**32


def _ipv4(body: bytes, source_mac: str, destination_mac: str) -> Packet:
    header = ipv4.read(body, 0)
    if header is None:
        return Packet(source_mac, destination_mac, IPV4)
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
    tcp = None
    udp = None
    icmp = None
    if not header.is_later_fragment and header.header_length >= ipv4.SHORTEST:
        inner = body[header.payload_at : header.end]
        length = header.payload_length
        if header.protocol == ipv4.TCP and len(inner) >= _TCP_HEADER:
            tcp = _tcp(inner, length)
        elif header.protocol == ipv4.UDP and len(inner) >= _UDP_HEADER:
            udp = _udp(inner, length)
        elif header.protocol == ipv4.ICMP and len(inner) >= _ICMP_HEADER:
            icmp = _icmp(inner)
    return Packet(source_mac, destination_mac, IPV4, None, ip, tcp, udp, icmp)


def _ipv6(body: bytes, source_mac: str, destination_mac: str) -> Packet:
    header = ipv6.read(body, 0)
    if header is None or header.is_cut_short:
        return Packet(source_mac, destination_mac, IPV6)
    ip = Ip(
        source=_address6(header.source),
        destination=_address6(header.destination),
        protocol=header.protocol,
        id=header.id,
        ttl=header.hop_limit,
        length=header.total_length,
        dont_fragment=True,
        more_fragments=header.more_fragments,
        offset=header.offset,
        version=6,
    )
    tcp = None
    udp = None
    icmp6 = None
    if not header.is_later_fragment:
        inner = body[header.payload_at : header.end]
        length = header.payload_length
        if header.protocol == ipv4.TCP and len(inner) >= _TCP_HEADER:
            tcp = _tcp(inner, length)
        elif header.protocol == ipv4.UDP and len(inner) >= _UDP_HEADER:
            udp = _udp(inner, length)
        elif header.protocol == ipv6.ICMPV6 and len(inner) >= _ICMPV6_HEADER:
            icmp6 = _icmp6(inner, length)
    return Packet(source_mac, destination_mac, IPV6, None, ip, tcp, udp, None, icmp6)


def _icmp6(inner: bytes, length: int) -> Icmp6:
    kind = inner[0]
    quoted = None
    if kind < _ICMPV6_INFORMATIONAL and len(inner) >= _ICMPV6_HEADER + ipv6.HEADER:
        quoted = _ipv6(inner[_ICMPV6_HEADER:], source_mac="", destination_mac="")
    next_mtu = None
    if kind == _PACKET_TOO_BIG:
        next_mtu = int.from_bytes(inner[4:8], "big")
    target = None
    if kind in (_NEIGHBOUR_SOLICITATION, _NEIGHBOUR_ADVERTISEMENT) and len(inner) >= _TARGET_END:
        target = _address6(inner[8:_TARGET_END])
    echo = None
    if kind in _ECHO:
        echo = (int.from_bytes(inner[4:6], "big"), int.from_bytes(inner[6:8], "big"))
    return Icmp6(kind, inner[1], quoted, next_mtu, target, length, echo)


def _icmp(inner: bytes) -> Icmp:
    next_mtu = None
    if inner[:2] == _FRAGMENTATION_NEEDED:
        next_mtu = int.from_bytes(inner[6:8], "big")
    return Icmp(
        type=inner[0],
        code=inner[1],
        quoted=_quoted(inner),
        next_mtu=next_mtu,
    )


def _udp(inner: bytes, length: int) -> Udp:
    source, destination = struct.unpack_from("!HH", inner)
    return Udp(
        source_port=source,
        destination_port=destination,
        captured=inner[_UDP_HEADER:],
        data_length=length - _UDP_HEADER,
    )


def _tcp(inner: bytes, length: int) -> Tcp:
    source, destination, seq, ack, offset, bits, window = struct.unpack_from("!HHIIBBH", inner)
    header_length = (offset >> 4) * 4  # bytes
    options = inner[_TCP_HEADER:header_length]
    return Tcp(
        source_port=source,
        destination_port=destination,
        seq=seq,
        ack=ack,
        window=window,
        flags=flag_letters(bits),
        captured=inner[header_length:],
        data_length=max(0, length - header_length),
        options=_tcp_options(options),
    )


def _tcp_options(data: bytes) -> TcpOptions:
    """Decode options of kind, length and value (RFC 9293 section 3.2); a truncated option ends the list."""
    options: dict[str, Any] = {}
    others: list[TcpOption] = []
    at = 0
    while at < len(data) and data[at] != _END_OF_OPTIONS:
        kind = data[at]
        if kind == _NO_OPERATION:  # has neither length nor value
            at += 1
            continue
        rest = data[at:]
        size = rest[1] if len(rest) > 1 else 0
        value = rest[2:size]
        is_truncated = size < 2 or size > len(rest)
        if is_truncated:
            others.append(TcpOption(kind, size, value))
            break
        if kind == _MSS and len(value) == 2:
            options["mss"] = int.from_bytes(value, "big")
        elif kind == _WINDOW_SCALE and len(value) == 1:
            options["window_scale"] = value[0]
        elif kind == _SACK_PERMITTED and not value:
            options["sack_permitted"] = True
        elif kind == _SACK and value and len(value) % 8 == 0:
            options["sack"] = tuple(struct.iter_unpack("!II", value))
        elif kind == _TIMESTAMPS and len(value) == 8:
            options["timestamp"], options["echo"] = struct.unpack("!II", value)
        elif kind == _FAST_OPEN and (not value or len(value) in _COOKIE):
            options["fast_open"] = value
        else:
            others.append(TcpOption(kind, size, value))
        at += size
    return TcpOptions(**options, others=tuple(others))


def _quoted(inner: bytes) -> Packet | None:
    """The datagram quoted by an ICMP error; None for other messages."""
    if inner[0] not in _ERROR_TYPES:
        return None
    quoted = inner[_ICMP_HEADER:]
    if len(quoted) < ipv4.SHORTEST:
        return None
    return _ipv4(quoted, source_mac="", destination_mac="")


def _address(four: bytes) -> str:
    return ".".join(str(byte) for byte in four)


@lru_cache(maxsize=1024)  # few addresses occur, each in many frames
def _address6(sixteen: bytes) -> str:
    return str(IPv6Address(sixteen))
