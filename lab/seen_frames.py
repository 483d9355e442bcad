"""A frame on the wire: what a host sent, with what was delivered of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from lab.layers import Arp, Icmp, Ip, Packet, Tcp, Udp
from lab.packets import decode
from lab.seen_records import NS, NothingSeen


@dataclass(frozen=True)
class Frame:
    """A frame that entered the bridge from ``source`` and was meant for ``toward``; times in ns, ``length`` in bytes.

    The source is a host, or WIRE where the wire itself spoke.

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
        """Whether a segment or a datagram has any bytes of its program's in it."""
        layer = self.tcp or self.udp
        return layer is not None and layer.data_length > 0

    @property
    def arrived(self) -> int:
        """When it was first delivered, in ns; NothingSeen when it never was."""
        if not self.delivered_at:
            raise NothingSeen(f"a frame from {self.source} to {self.toward} never arrived")
        return self.delivered_at[0]

    @property
    def delay(self) -> float | None:
        """Seconds from sent to first delivered; None when it was lost."""
        return (self.delivered_at[0] - self.sent_at) / NS if self.delivered_at else None


def intervals(frames: Iterable[Frame] | None) -> tuple[float, ...] | None:
    """Seconds between the sending of each and the next; None when there are fewer than two."""
    times = [frame.sent_at for frame in frames or ()]
    return tuple((b - a) / NS for a, b in pairwise(times)) or None
