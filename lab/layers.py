"""The layers of a frame, Ethernet, ARP, IPv4, TCP with its options, UDP, ICMP, each a plain frozen value.

TCP fields have the names of RFC 9293 section 3.3 (SEG.SEQ, SEG.ACK, SEG.LEN, SEG.WND).
"""

from dataclasses import dataclass
from typing import Literal

ETHERNET_HEADER = 14  # bytes
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
