"""Joins a capture into frames: each frame that a host sent, with its deliveries on the receiver's port."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from badwire.evidence.frames import Frame
from badwire.packets.packet import decode
from badwire.packets.pcapng import Captured
from badwire.store.records import Decision

MOST_DAMAGE = 4  # bits in which a delivered frame may differ from a sent one and still count as that frame, damaged
CLOCK_ERROR = 1_000_000  # ns; the timestamps of the capture and of the relay differ by far less
LOST = "drop"
_GROUP_BIT = 0x01  # of the first byte of a MAC address: set for multicast and for broadcast
BROADCAST = "ff:ff:ff:ff:ff:ff"


def join(
    captured: Iterable[Captured],
    hosts: Collection[str],
    macs: Mapping[str, str],
    addresses: Mapping[str, str],
    decisions: Iterable[Decision] = (),
) -> tuple[Frame, ...]:
    """Find the deliveries of each frame sent, by the receiver's port and by the frame's bytes.

    Frames to addresses outside the lab are left out, and so are multicast frames, which the bridge may not forward, and
    copies that the bridge flooded to other ports than the receiver's.

    Args:
        captured: the frames captured on the ports of the bridge, with times in ns.
        hosts: the names of the hosts.
        macs: the name of the host with each MAC address.
        addresses: the name of the host with each IPv4 address.
        decisions: what the relay did to frames.

    Returns:
        The frames in the order of their sending; a broadcast frame appears once for each host that it was sent to.
    """
    sent: dict[str, list[Captured]] = defaultdict(list)  # by receiver
    # Positions in the sorted capture, since many frames have the same time on the virtual clock.
    places: dict[str, list[int]] = defaultdict(list)
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
    """Each frame sent toward a host, with its deliveries. Frames with the same bytes are distinguished by time."""
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
    """The indexes in ``sent`` of the frames that the relay recorded as dropped.

    The relay decides when a frame arrives, so of frames with the same bytes, it dropped the last one sent before its
    decision.
    """
    gone: set[int] = set()
    for decision in dropped:
        candidates = [
            i for i in by_bytes.get(decision.frame, ()) if i not in gone and sent[i].t <= decision.t + CLOCK_ERROR
        ]
        gone.update(candidates[-1:])
    return gone


def _pair(times: list[int], came: list[Captured]) -> Iterator[tuple[Captured, int | None]]:
    """Each arrival with the index of its sending in ``times``; None if nothing was sent before it.

    Arrivals are assigned from the last to the first, each to the latest earlier sending that no other arrival has. An
    arrival for which no sending is left is a copy: of the same frame as the arrival after it if that frame was sent
    earlier than the copy arrived, else of the latest frame sent before it.
    """
    free = list(range(len(times)))
    last: int | None = None
    for frame in reversed(came):
        at = bisect_right(times, frame.t)  # the number of sendings before this arrival
        place = bisect_right(free, at - 1) - 1
        if place >= 0:
            last = free.pop(place)
        elif at == 0:
            last = None
        elif last is None or last >= at:
            last = at - 1
        yield frame, last


def _original(frame: Captured, sent: list[Captured], got: Mapping[int, list[int]]) -> int | None:
    """The index of the frame that arrived damaged as ``frame``; None if no frame sent is similar enough.

    It is the frame of the same length, sent before the arrival, that differs in the fewest bits, and in at most
    MOST_DAMAGE. Among equals, one that has not been delivered comes first, then the one sent last.
    """
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
