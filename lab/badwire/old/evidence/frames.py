"""A frame on the wire: what a host sent, with what was delivered of it.

What a receiver's checks make of a damaged frame: which of its kernel's counters tells of it.

What each host sent, joined with what was delivered of it: the frames of a capture.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from badwire.packets.packet import ETHERNET_HEADER, Arp, Icmp, Ip, Packet, Tcp, Udp, decode
from badwire.packets.pcapng import Captured
from badwire.store.records import NS, Decision, NothingSeen


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


_IP_HEADER = 20  # bytes; no host of the lab sends IP options
_UDP_HEADER, _TCP_HEADER = 8, 20  # bytes; TCP's without options


def counters(frame: Frame) -> tuple[str | None, ...]:
    """For each damaged delivery of a frame the counter of /proc/net/snmp that its receiver raises.

    None where a length in the header of TCP or UDP cannot be, which is found out before the sum is (tcp_v4_rcv and
    __udp4_lib_rcv), and where only the Ethernet header is damaged, or no IPv4 datagram.
    """
    return tuple(_counter(frame, arrived) for arrived in frame.damaged)


def _counter(frame: Frame, arrived: bytes) -> str | None:
    begins = ETHERNET_HEADER + _IP_HEADER
    if frame.ip is None or frame.data[ETHERNET_HEADER:] == arrived[ETHERNET_HEADER:]:
        return None
    if frame.data[ETHERNET_HEADER:begins] != arrived[ETHERNET_HEADER:begins]:
        return "Ip.InHdrErrors"
    inner = arrived[begins : ETHERNET_HEADER + frame.ip.length]
    if frame.udp:
        return "Udp.InCsumErrors" if _UDP_HEADER <= int.from_bytes(inner[4:6], "big") <= len(inner) else None
    if frame.tcp:
        return "Tcp.InCsumErrors" if _TCP_HEADER <= (inner[12] >> 4) * 4 <= len(inner) else None
    return None


MOST_DAMAGE = 4  # bits in which a delivered frame may differ from the one sent and still be that one, damaged
CLOCK_ERROR = 1_000_000  # ns; the tap's and the relay's clocks agree far better than that
LOST = "drop"
_GROUP_BIT = 0x01  # of a MAC address's first byte: multicast, or broadcast when all are ones
BROADCAST = "ff:ff:ff:ff:ff:ff"


def join(
    captured: Iterable[Captured],
    hosts: Collection[str],
    macs: Mapping[str, str],
    addresses: Mapping[str, str],
    decisions: Iterable[Decision] = (),
) -> tuple[Frame, ...]:
    """Find for each frame sent what was delivered of it, by port and bytes; ``macs`` and ``addresses`` lead to hosts.

    Left out: frames to nobody of ours, multicast (the bridge may hold it back), and what the bridge flooded to others
    than the one addressed.
    """
    sent: dict[str, list[Captured]] = defaultdict(list)  # by receiver
    places: dict[str, list[int]] = defaultdict(list)  # in the capture: on the virtual clock many have the same time
    came: dict[str, list[Captured]] = defaultdict(list)
    for place, each in enumerate(sorted(captured, key=lambda each: each.t)):
        if each.direction == "out":
            came[each.port].append(each)
        else:
            for toward in _receivers(each, hosts, macs, addresses):
                sent[toward].append(each)
                places[toward].append(place)
    dropped: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        if decision.verdict == LOST:
            dropped[decision.toward].append(decision)
    placed = [
        (place, toward, frame)
        for toward in sent
        for place, frame in zip(
            places[toward], _match(toward, sent[toward], came[toward], dropped.get(toward, [])), strict=True
        )
    ]
    return tuple(frame for _, _, frame in sorted(placed, key=lambda each: each[:2]))


def _receivers(
    each: Captured, hosts: Collection[str], macs: Mapping[str, str], addresses: Mapping[str, str]
) -> Iterator[str]:
    packet = decode(each.data)
    if packet.destination_mac == BROADCAST:
        yield from (host for host in hosts if host != each.port)
    elif each.data and not each.data[0] & _GROUP_BIT:
        by_address = addresses.get(packet.ip.destination) if packet.ip else None
        host = macs.get(packet.destination_mac, by_address)
        if host is not None and host != each.port:
            yield host


def _match(toward: str, sent: list[Captured], came: list[Captured], dropped: list[Decision]) -> Iterator[Frame]:
    """Frames with the same bytes (an ARP asked twice, a copy) are told apart by time."""
    by_bytes: dict[bytes, list[int]] = defaultdict(list)
    for index, frame in enumerate(sent):
        by_bytes[frame.data].append(index)
    gone = _dropped(sent, by_bytes, dropped)
    arrivals: dict[bytes, list[Captured]] = defaultdict(list)
    for frame in came:
        arrivals[frame.data].append(frame)
    got: dict[int, list[int]] = defaultdict(list)
    damaged: dict[int, list[bytes]] = defaultdict(list)
    strangers: list[Captured] = []
    for data, frames in arrivals.items():
        senders = [index for index in by_bytes.get(data, ()) if index not in gone]
        for frame, sender in _pair([sent[index].t for index in senders], frames):
            if sender is None:
                strangers.append(frame)
            else:
                got[senders[sender]].append(frame.t)
    for frame in strangers:
        origin = _original(frame, sent, got)
        if origin is not None:
            got[origin].append(frame.t)
            damaged[origin].append(frame.data)
    for index, frame in enumerate(sent):
        times = tuple(sorted(got[index]))
        yield Frame(frame.t, frame.port, toward, times, frame.length, frame.data, tuple(damaged[index]))


def _dropped(sent: list[Captured], by_bytes: Mapping[bytes, list[int]], dropped: list[Decision]) -> set[int]:
    """Which of the frames sent the relay says it dropped; it decides as a frame comes, so of equal ones the latest."""
    gone: set[int] = set()
    for decision in dropped:
        candidates = [
            i for i in by_bytes.get(decision.frame, ()) if i not in gone and sent[i].t <= decision.t + CLOCK_ERROR
        ]
        gone.update(candidates[-1:])
    return gone


def _pair(times: list[int], came: list[Captured]) -> Iterator[tuple[Captured, int | None]]:
    """Each arrival with its sending: from the last arrival to the first, the latest sending that is still free.

    An arrival for which none is free is a copy: of what the arrival next to it is, if that was sent before it came.
    """
    free = list(range(len(times)))
    last: int | None = None
    for frame in reversed(came):
        at = bisect_right(times, frame.t)  # sendings before it
        place = bisect_right(free, at - 1) - 1
        if place >= 0:
            last = free.pop(place)
        elif at == 0:
            last = None
        elif last is None or last >= at:
            last = at - 1
        yield frame, last


def _original(frame: Captured, sent: list[Captured], got: Mapping[int, list[int]]) -> int | None:
    """The frame sent before it, of the same length, that differs in the fewest bits: the one that was damaged."""
    best: tuple[int, bool, int] | None = None
    arrived = int.from_bytes(frame.data, "big")
    for index, each in enumerate(sent):
        if each.t > frame.t or len(each.data) != len(frame.data):
            continue
        damage = (int.from_bytes(each.data, "big") ^ arrived).bit_count()
        rank = (damage, bool(got.get(index)), -index)
        if damage <= MOST_DAMAGE and (best is None or rank < best):
            best = rank
    return -best[2] if best else None
