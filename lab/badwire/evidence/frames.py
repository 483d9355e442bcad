"""A frame on the wire, as it was sent and as it was delivered."""

from dataclasses import dataclass, field

from badwire.evidence.hidden import may_hide, unread
from badwire.packets.packet import Arp, Icmp, Icmp6, Ip, Packet, Tcp, Udp, decode
from badwire.store.records import NS, NotRecorded


@dataclass(frozen=True)
class Delivery:
    """A frame that left the bridge toward its receiver.

    Attributes:
        t: when, in ns.
        position: its place in the capture, since on the virtual clock many frames have the same time.
        damaged: the bytes that were delivered, where they differ from those that were sent; None where they do not.
    """

    t: int
    position: int
    damaged: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Frame:
    """A frame that entered the bridge. A broadcast is one Frame for each receiver.

    Attributes:
        sent_at: when it entered the bridge, in ns.
        source: the host that sent it, or WIRE for a frame that the wire itself sent.
        toward: the host that it was for.
        deliveries: in order: empty if it was lost, two if it was duplicated.
        length: its length on the wire, in bytes.
        data: the bytes that were captured.
    """

    sent_at: int
    source: str
    toward: str
    deliveries: tuple[Delivery, ...]
    length: int
    data: bytes = field(repr=False)

    @property
    def delivered_at(self) -> tuple[int, ...]:
        """When it was delivered, in ns: empty if it was lost, two times if it was duplicated."""
        return tuple(delivery.t for delivery in self.deliveries)

    @property
    def damaged(self) -> tuple[bytes, ...]:
        """The bytes of each delivery that differs from what was sent."""
        return tuple(delivery.damaged for delivery in self.deliveries if delivery.damaged is not None)

    @property
    def decoded(self) -> Packet:
        """As ``packet``, for the lab's own search through all frames, of which a claim sees what is found."""
        return decode(self.data)

    @property
    def packet(self) -> Packet:
        """The decoded headers of the frame as it was sent. For a claim it is noted if they cannot be read."""
        packet = self.decoded
        if packet.unread and not packet.is_later_fragment:
            may_hide([unread(self.source, packet.unread)])
        return packet

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
    def icmp6(self) -> Icmp6 | None:
        return self.packet.icmp6

    @property
    def carries_data(self) -> bool:
        """Whether it is a segment or a datagram with at least one byte of data."""
        layer = self.tcp or self.udp
        return layer is not None and layer.data_length > 0

    @property
    def payload(self) -> bytes:
        """The data of the segment or datagram; empty if it carries none. Raises NotRecorded if the capture cut it."""
        if len(self.data) < self.length:
            raise NotRecorded.of(
                "the capture has {kept} of the {length} bytes of a frame; leave --snaplen out",
                kept=len(self.data),
                length=self.length,
            )
        layer = self.tcp or self.udp
        return b"" if layer is None else layer.captured

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
        if not self.delivered_at:
            return None
        return (self.delivered_at[0] - self.sent_at) / NS
