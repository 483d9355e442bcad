"""What one side has on its way and what the other lets it have: each segment against the window, as its sender knew it.

A sender knows an acknowledgment from its delivery on, so each segment is held against those that had come when it was
sent. Two events with the same time are told apart by their places in the capture. Sequence numbers count as those of
Connection do: the SYN is 0, the first byte of data 1; windows are in bytes, scaled as both SYNs say (RFC 7323 2.2).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from badwire.old.evidence.connections import Connection, tcp_of
from badwire.old.evidence.frames import Frame
from badwire.store.records import NS, NothingSeen


@dataclass(frozen=True)
class Offer:
    """A window that the receiver announced: ``window`` bytes from the ``ack`` on."""

    frame: Frame
    ack: int
    window: int

    @property
    def edge(self) -> int:
        """Its right edge: the first sequence number that it does not hold."""
        return self.ack + self.window


@dataclass(frozen=True)
class Sent:
    """A segment and what its sender knew: SND.UNA, SND.NXT after it, and the last window that it heard of.

    ``highest`` is the highest right edge that it had heard of, which is also the last one's, unless a window shrank.
    """

    frame: Frame
    first: int
    end: int
    una: int
    nxt: int
    offer: Offer
    highest: int

    @property
    def in_flight(self) -> int:
        """Bytes sent and not acknowledged, this segment's among them; what was sent twice counts once."""
        return self.nxt - self.una

    @property
    def room(self) -> int:
        """Bytes that the window still has room for after it; negative where the segment goes beyond its right edge."""
        return self.highest - self.nxt

    @property
    def waited(self) -> float:
        """Seconds from the arrival of that window to the sending."""
        return (self.frame.sent_at - self.offer.frame.arrived) / NS

    @property
    def is_probe(self) -> bool:
        """Whether it asks and brings nothing: no data, and a number that was acknowledged before (RFC 9293 3.8.6.1)."""
        return tcp_of(self.frame).length == 0 and self.first == self.una - 1


def scale_of(connection: Connection, host: str) -> int | None:
    """By how many bits a side's windows are shifted after its SYN; None when not both sides' SYNs were seen.

    Nought unless both SYNs carry the option (RFC 7323 section 2.2).
    """
    syns = {f.source: tcp_of(f).options.window_scale for f in connection.segments if "S" in tcp_of(f).flags}
    if len(syns) < 2:
        return None
    shift = syns[host]
    return shift if shift is not None and None not in syns.values() else 0


def offers(connection: Connection, host: str) -> tuple[Offer, ...] | None:
    """The windows that a side announced, in the order of their sending, those that never arrived too.

    None when its scale is not known, or when it announced none.
    """
    scale = scale_of(connection, host)
    if scale is None:
        return None
    return tuple(_offer(connection, each, scale) for each in connection.sent_by(host) or () if _tells(each)) or None


def sendings(connection: Connection, host: str, data: bool | None = True) -> tuple[Sent, ...] | None:
    """What a side sent after the other had offered it a window, each segment with what was known; in order.

    Args:
        connection: whose segments; of a connection whose SYNs were not seen nothing can be said, hence None.
        host: the sender.
        data: whether only those that carry data (True), only those without (False), or all of them (None).
    """
    heard = offers(connection, _other(connection, host))
    found = _follow(connection, host, heard) if heard else ()
    return tuple(each for each in found if data is None or data is (tcp_of(each.frame).data_length > 0)) or None


def ack_waits(connection: Connection, host: str) -> tuple[float, ...]:
    """For each segment with data of a side's: seconds from its arrival to the sending of the first ACK of all of it.

    NothingSeen when there are none, or when one that came was not acknowledged.
    """
    waits = []
    for place, frame in enumerate(connection.segments):
        if frame.source == host and frame.carries_data and frame.delivered_at:
            later = (each for each in connection.segments[place:] if each.toward == host and "A" in tcp_of(each).flags)
            ack = next((each for each in later if connection.ack(each) >= connection.end(frame)), None)
            if ack is None:
                raise NothingSeen(f"nobody acknowledged number {connection.seq(frame)} from {host}")
            waits.append((ack.sent_at - frame.arrived) / NS)
    if not waits:
        raise NothingSeen(f"no data from {host} arrived")
    return tuple(waits)


def next_wanted(connection: Connection, host: str, t: int) -> int:
    """The number that a side waits for at ``t`` (ns): the first one behind all that has come to it in one piece."""
    came = [
        frame for frame in connection.segments if frame.toward == host and frame.delivered_at and frame.arrived <= t
    ]
    wanted = 0
    for first, end in sorted((connection.seq(frame), connection.end(frame)) for frame in came):
        if first <= wanted:
            wanted = max(wanted, end)
    return wanted


def shut_out(connection: Connection, host: str) -> tuple[Sent, ...]:
    """All that a side sent while the last window that it had heard of was nought; NothingSeen when it sent nothing."""
    if found := tuple(each for each in sendings(connection, host, data=None) or () if each.offer.window == 0):
        return found
    raise NothingSeen(f"{host} sent nothing against a window of nought")


def reopened(connection: Connection, host: str) -> Sent:
    """The first data that the side sent after these, with the offer that let it; NothingSeen when it sent none."""
    last = shut_out(connection, host)[-1]
    for each in sendings(connection, host) or ():
        if each.highest > last.highest:
            return each
    raise NothingSeen(f"the window that {host} was offered never opened again")


def _follow(connection: Connection, host: str, heard: tuple[Offer, ...]) -> Iterator[Sent]:
    places = {id(frame): place for place, frame in enumerate(connection.segments)}
    coming = deque(sorted((each for each in heard if each.frame.delivered_at), key=lambda each: each.frame.arrived))
    nxt = una = highest = 0
    last: Offer | None = None
    for place, frame in enumerate(connection.segments):
        if frame.source != host:
            continue
        while coming and _known(coming[0], frame, places[id(coming[0].frame)] < place):
            offer = coming.popleft()
            una, highest = max(una, offer.ack), max(highest, offer.edge)
            if last is None or _is_newer(connection, offer, last):
                last = offer
        nxt = max(nxt, connection.end(frame))
        if last is not None:
            yield Sent(frame, connection.seq(frame), connection.end(frame), una, nxt, last, highest)


def _known(offer: Offer, frame: Frame, sent_before: bool) -> bool:
    """Whether the offer had come when the frame was sent."""
    return sent_before and offer.frame.arrived <= frame.sent_at


def _is_newer(connection: Connection, offer: Offer, last: Offer) -> bool:
    """Whether it takes the other's place: the test on SND.WL1 and SND.WL2 (RFC 9293 section 3.10.7.4)."""
    return (connection.seq(last.frame), last.ack) <= (connection.seq(offer.frame), offer.ack)


def _tells(frame: Frame) -> bool:
    """A reset's window means nothing, nor does one without an acknowledgment, but for the SYN's."""
    flags = set(tcp_of(frame).flags)
    return "R" not in flags and bool(flags & {"A", "S"})


def _offer(connection: Connection, frame: Frame, scale: int) -> Offer:
    """A SYN's own window is never scaled; a SYN without an ACK counts from the first number of the other side."""
    segment = tcp_of(frame)
    is_syn = "S" in segment.flags
    ack = connection.ack(frame) if "A" in segment.flags else 0
    return Offer(frame, ack, segment.window << (0 if is_syn else scale))


def _other(connection: Connection, host: str) -> str:
    return connection.server if host == connection.client else connection.client
