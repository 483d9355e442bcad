"""A frame on the wire: what a host sent, and what was delivered of it."""

from dataclasses import dataclass, field

from badwire.packets.packet import Arp, Icmp, Ip, Packet, Tcp, Udp, decode
from badwire.store.records import NS, NotRecorded


@dataclass(frozen=True)
class Frame:
    """A frame that entered the bridge from ``source`` and was meant for ``toward``; times in ns, ``length`` in bytes.

    The source is a host, or WIRE for what the wire itself sent.

    A broadcast gives a frame for each receiver. ``delivered_at`` is empty when it was lost, and has two times when it
    was duplicated; ``damaged`` holds the bytes of those deliveries that differ from what was sent.
    """

    sent_at: int
    source: str
    toward: str
    delivered_at: tuple[int, ...]
    length: int
    data: bytes = field(repr=False)
    damaged: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def packet(self) -> Packet:
        """The layers, as sent."""
        return decode(self.data)

    @property
    def arp(self) -> Arp | None:
        return self.packet.arp

    @property
    def ip(self) -> Ip | None:
        return self.packet.ip

    @property
    def tcp(self) -> Tcp | None:
        return self.packet.tcp

    @property
    def udp(self) -> Udp | None:
        return self.packet.udp

    @property
    def icmp(self) -> Icmp | None:
        return self.packet.icmp

    @property
    def carries_data(self) -> bool:
        """Whether a segment or a datagram carries any bytes of a program."""
        layer = self.tcp or self.udp
        return layer is not None and layer.data_length > 0

    @property
    def arrived(self) -> int:
        """When it was first delivered, in ns. Raises NotRecorded when it never was."""
        if not self.delivered_at:
            raise NotRecorded.of(
                "a frame from {source} to {toward} never arrived", source=self.source, toward=self.toward
            )
        return self.delivered_at[0]

    @property
    def delay(self) -> float | None:
        """Seconds from sent to first delivered; None when it was lost."""
        return (self.delivered_at[0] - self.sent_at) / NS if self.delivered_at else None
