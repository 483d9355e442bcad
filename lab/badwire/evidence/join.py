"""Joins a capture into frames: each frame that a host sent, with its deliveries on the receiver's port."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from badwire.evidence.frames import Delivery, Frame
from badwire.packets.packet import decode
from badwire.packets.pcapng import Captured, in_order
from badwire.store.records import Decision

MOST_DAMAGE = 4  # bits in which a delivered frame may differ from a sent one and still count as that frame, damaged
CLOCK_ERROR = 1_000_000  # ns; the timestamps of the capture and of the relay differ by far less
LOST = "drop"
_GROUP_BIT = 0x01  # of the first byte of a MAC address: set for multicast and for broadcast
BROADCAST = "ff:ff:ff:ff:ff:ff"

_Indexes = dict[bytes, list[int]]  # the indexes of the frames with the same bytes
_Deliveries = dict[int, list[Delivery]]  # of a frame, by its index


def join(
    captured: Iterable[Captured],
    hosts: Collection[str],
    macs: Mapping[str, str],
    addresses: Mapping[str, str],
    decisions: Iterable[Decision] = (),
) -> tuple[Frame, ...]:
    """Find the deliveries of each frame sent, by the receiver's port and by the frame's bytes.

    Frames to addresses outside the lab are left out, and so are multicast frames, which the bridge may not forward,
    except for those of IPv6 neighbour discovery, and copies that the bridge flooded to other ports than the receiver's.

    Args:
        captured: the frames captured on the ports of the bridge, with times in ns.
        hosts: the names of the hosts.
        macs: the name of the host with each MAC address.
        addresses: the name of the host with each IPv4 or IPv6 address.
        decisions: what the relay did to frames.

    Returns:
        The frames in the order of their sending; a broadcast frame appears once for each host that it was sent to.
    """
    receivers: dict[str, _Receiver] = defaultdict(_Receiver)  # by host
    for position, each in enumerate(in_order(captured)):
        if each.direction == "out":
            receivers[each.port].arrivals.append(_Observed(position, each))
            continue
        for host in _receivers(each, hosts, macs, addresses):
            receivers[host].sendings.append(_Observed(position, each))
    for decision in decisions:
        if decision.verdict == LOST:
            receivers[decision.toward].drops.append(decision)
    joined: list[_Joined] = []
    for host, receiver in receivers.items():
        frames = _match(host, receiver)
        for sending, frame in zip(receiver.sendings, frames, strict=True):
            joined.append(_Joined(sending.position, host, frame))
    joined.sort(key=lambda each: (each.position, each.receiver))
    return tuple(each.frame for each in joined)


class _Observed(NamedTuple):
    """A frame at a port, and its position in the capture: on the virtual clock many frames have the same time."""

    position: int
    frame: Captured


class _Joined(NamedTuple):
    """A frame with its deliveries, and what decides about its order."""

    position: int
    receiver: str
    frame: Frame


@dataclass(frozen=True)
class _Receiver:
    """What the capture and the relay recorded about the frames toward one host, in order."""

    sendings: list[_Observed] = field(default_factory=list)
    arrivals: list[_Observed] = field(default_factory=list)
    drops: list[Decision] = field(default_factory=list)


def _receivers(
    each: Captured,
    hosts: Collection[str],
    macs: Mapping[str, str],
    addresses: Mapping[str, str],
) -> list[str]:
    """The hosts that a frame is for: all others for a broadcast and for a multicast of neighbour discovery.

    None for another multicast.
    """
    packet = decode(each.data)
    discovers = packet.icmp6 is not None and packet.icmp6.is_neighbour_discovery
    is_group = bool(each.data[:1]) and bool(each.data[0] & _GROUP_BIT)
    if packet.destination_mac == BROADCAST or (is_group and discovers):
        return [host for host in hosts if host != each.port]
    if not each.data or is_group:
        return []
    host = macs.get(packet.destination_mac)
    if host is None and packet.ip is not None:
        host = addresses.get(packet.ip.destination)
    if host is None or host == each.port:
        return []
    return [host]


def _match(toward: str, receiver: _Receiver) -> Iterator[Frame]:
    """Each frame sent toward a host, with its deliveries. Frames with the same bytes are distinguished by time."""
    sent = [sending.frame for sending in receiver.sendings]
    sent_by_bytes = _indexes_by_bytes(sent)
    dropped = _dropped(sent, sent_by_bytes, receiver.drops)
    deliveries: _Deliveries = defaultdict(list)
    unmatched: list[_Observed] = []
    arrived = [arrival.frame for arrival in receiver.arrivals]
    for data, indexes in _indexes_by_bytes(arrived).items():
        arrivals = [receiver.arrivals[index] for index in indexes]
        senders = [index for index in sent_by_bytes.get(data, ()) if index not in dropped]
        sent_at = [sent[index].t for index in senders]
        for arrival, number in _pair(sent_at, arrivals):
            if number is None:
                unmatched.append(arrival)
            else:
                delivery = Delivery(arrival.frame.t, arrival.position)
                deliveries[senders[number]].append(delivery)
    for arrival in unmatched:
        original = _original(arrival.frame, sent, deliveries)
        if original is not None:
            delivery = Delivery(arrival.frame.t, arrival.position, damaged=arrival.frame.data)
            deliveries[original].append(delivery)
    for index, frame in enumerate(sent):
        in_order_of_arrival = sorted(deliveries[index], key=lambda delivery: delivery.position)
        yield Frame(
            sent_at=frame.t,
            source=frame.port,
            toward=toward,
            deliveries=tuple(in_order_of_arrival),
            length=frame.length,
            data=frame.data,
        )


def _indexes_by_bytes(frames: Iterable[Captured]) -> _Indexes:
    indexes: _Indexes = defaultdict(list)
    for index, frame in enumerate(frames):
        indexes[frame.data].append(index)
    return indexes


def _dropped(
    sent: list[Captured],
    sent_by_bytes: _Indexes,
    drops: Iterable[Decision],
) -> set[int]:
    """The indexes in ``sent`` of the frames that the relay recorded as dropped.

    The relay decides when a frame arrives, so of frames with the same bytes, it dropped the last one sent before its
    decision.
    """
    dropped: set[int] = set()
    for decision in drops:
        latest = decision.t + CLOCK_ERROR
        indexes = sent_by_bytes.get(decision.frame, [])
        for index in reversed(indexes):
            if index not in dropped and sent[index].t <= latest:
                dropped.add(index)
                break
    return dropped


def _pair(
    sent_at: list[int],
    arrivals: list[_Observed],
) -> Iterator[tuple[_Observed, int | None]]:
    """Each arrival with the index of its sending in ``sent_at``; None if nothing was sent before it.

    Arrivals are assigned from the last to the first, each to the latest earlier sending that no other arrival has. An
    arrival for which no sending is left is a copy: of the same frame as the arrival after it if that frame was sent
    earlier than the copy arrived, else of the latest frame sent before it.
    """
    free = list(range(len(sent_at)))
    last: int | None = None
    for arrival in reversed(arrivals):
        sent_before = bisect_right(sent_at, arrival.frame.t)
        free_before = bisect_left(free, sent_before)
        if free_before > 0:
            last = free.pop(free_before - 1)
        elif sent_before == 0:
            last = None
        elif last is None or last >= sent_before:
            last = sent_before - 1
        yield arrival, last


def _original(
    arrival: Captured,
    sent: list[Captured],
    deliveries: _Deliveries,
) -> int | None:
    """The index of the frame that arrived damaged as ``arrival``; None if no frame sent is similar enough.

    It is the frame of the same length, sent before the arrival, that differs in the fewest bits, and in at most
    MOST_DAMAGE. Among equals, one that has not been delivered comes first, then the one sent last.
    """
    size = len(arrival.data)
    candidates = []
    for index, frame in enumerate(sent):
        if frame.t > arrival.t or len(frame.data) != size:
            continue
        damage = _different_bits(frame.data, arrival.data)
        if damage <= MOST_DAMAGE:
            is_delivered = bool(deliveries.get(index))
            candidates.append(_Candidate(damage, is_delivered, -index))
    if not candidates:
        return None
    best = min(candidates)
    return -best.negative_index


class _Candidate(NamedTuple):
    """A frame that may have been damaged on its way; the smallest candidate is the most likely one."""

    damage: int  # bits
    is_delivered: bool
    negative_index: int


def _different_bits(one: bytes, other: bytes) -> int:
    one_number = int.from_bytes(one, "big")
    other_number = int.from_bytes(other, "big")
    difference = one_number ^ other_number
    return difference.bit_count()
