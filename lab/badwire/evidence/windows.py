"""Each segment of one side against the window that the other side lets it have, as its sender knew it.

A sender knows an acknowledgment from its arrival on, so each segment is held against those that had arrived when it was
sent. Two events with the same time are told apart by their places in the capture. Sequence numbers count as those of
TcpStream do: the SYN is 0, the first byte of data 1; windows are in bytes, scaled as both SYNs say (RFC 7323 2.2).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from badwire.evidence.frames import Frame
from badwire.evidence.records import Records
from badwire.evidence.stream import TcpStream, tcp_of
from badwire.store.records import NS, NotRecorded


@dataclass(frozen=True)
class WindowUpdate:
    """A window that the receiver announced: ``window`` bytes from the number ``ack`` on."""

    frame: Frame
    ack: int
    window: int

    @property
    def right_edge(self) -> int:
        """The first sequence number that the window does not hold."""
        return self.ack + self.window


@dataclass(frozen=True)
class SentSegment:
    """A segment and what its sender knew: SND.UNA, SND.NXT after it, and the last window that had arrived.

    ``right_edge`` is the highest right edge that had arrived, which is the last one's, unless a window shrank.
    """

    frame: Frame
    first: int
    end: int
    una: int
    nxt: int
    window: WindowUpdate
    right_edge: int

    @property
    def in_flight(self) -> int:
        """Bytes sent and not acknowledged, this segment's among them; what was sent twice counts once."""
        return self.nxt - self.una

    @property
    def room(self) -> int:
        """Bytes that the window has room for after it; negative where the segment goes beyond the right edge."""
        return self.right_edge - self.nxt

    @property
    def waited(self) -> float:
        """Seconds from the arrival of the last window to the sending."""
        return (self.frame.sent_at - self.window.frame.arrived) / NS

    @property
    def is_probe(self) -> bool:
        """Whether it is a window probe: no data, and a number that was acknowledged before (RFC 9293 3.8.6.1)."""
        return tcp_of(self.frame).length == 0 and self.first == self.una - 1


def window_shift(stream: TcpStream, host: str) -> int | None:
    """By how many bits a side's windows are shifted after its SYN; None when not both sides' SYNs were seen.

    Zero unless both SYNs carry the option (RFC 7323 section 2.2).
    """
    syns = {each.source: tcp_of(each).options.window_scale for each in stream.frames if "S" in tcp_of(each).flags}
    if len(syns) < 2:
        return None
    shift = syns[host]
    return shift if shift is not None and None not in syns.values() else 0


def window_updates(stream: TcpStream, host: str) -> Records[WindowUpdate]:
    """The windows that a side announced, in the order of their sending, those that never arrived too.

    Empty when the scale is not known, since not both SYNs were seen.
    """
    shift = window_shift(stream, host)
    found = [] if shift is None else [_update(stream, each, shift) for each in stream.sent(host) if _announces(each)]
    return Records(found, "windows", "no window of {host} on port {port} was recorded with both SYNs",
                   host=host, port=stream.server_port)  # fmt: skip


def sent_against_window(stream: TcpStream, host: str, data: bool | None = True) -> Records[SentSegment]:
    """What a side sent after the other had announced a window, each segment with what was known, in order.

    Args:
        stream: the segments; where the SYNs were not seen nothing can be said of windows.
        host: the sender.
        data: whether only those that carry data (True), only those without (False), or all of them (None).
    """
    updates = window_updates(stream, stream.other(host))
    found = [each for each in _follow(stream, host, updates) if data is None or data is _has_data(each)]
    return Records(found, "segments", "no segment of {host} against a window of port {port} was recorded",
                   host=host, port=stream.server_port)  # fmt: skip


def ack_delays(stream: TcpStream, host: str) -> Records[float]:
    """For each segment with data of ``host``: seconds from its arrival to the sending of the first ACK of all of it.

    Raises NotRecorded when one that arrived was not acknowledged.
    """
    delays = []
    for place, frame in enumerate(stream.frames):
        if frame.source == host and frame.carries_data and frame.delivered_at:
            delays.append((_ack_of(stream, place).sent_at - frame.arrived) / NS)
    return Records(delays, "delays", "no data of {host} on port {port} arrived", host=host, port=stream.server_port)


def _ack_of(stream: TcpStream, place: int) -> Frame:
    frame = stream.frames[place]
    for each in stream.frames[place:]:
        if each.toward == frame.source and "A" in tcp_of(each).flags and stream.ack(each) >= stream.end(frame):
            return each
    raise NotRecorded.of("number {number} of {host} was not acknowledged", number=stream.seq(frame), host=frame.source)


def next_wanted(stream: TcpStream, host: str, t: int) -> int:
    """The number that a side waits for at ``t`` (ns): the first one behind all that has arrived without a gap."""
    arrived = [frame for frame in stream.frames if frame.toward == host and frame.delivered_at and frame.arrived <= t]
    wanted = 0
    for first, end in sorted((stream.seq(frame), stream.end(frame)) for frame in arrived):
        if first <= wanted:
            wanted = max(wanted, end)
    return wanted


def sent_against_zero_window(stream: TcpStream, host: str) -> Records[SentSegment]:
    """All that a side sent while the last window that had arrived was zero."""
    found = (each for each in sent_against_window(stream, host, data=None) if each.window.window == 0)
    return Records(found, "segments", "{host} sent nothing while its window was zero", host=host)


def first_after_zero_window(stream: TcpStream, host: str) -> SentSegment:
    """The first data that a side sent after a window of zero had opened again. Raises NotRecorded without any."""
    last = sent_against_zero_window(stream, host).last
    for each in sent_against_window(stream, host):
        if each.right_edge > last.right_edge:
            return each
    raise NotRecorded.of("the window of {host} never opened again", host=host)


def _has_data(sent: SentSegment) -> bool:
    return tcp_of(sent.frame).data_length > 0


def _follow(stream: TcpStream, host: str, updates: Records[WindowUpdate]) -> Iterator[SentSegment]:
    places = {id(frame): place for place, frame in enumerate(stream.frames)}
    arrived = sorted((each for each in updates if each.frame.delivered_at), key=lambda each: each.frame.arrived)
    coming = deque(arrived)
    nxt = 0
    una = 0
    right_edge = 0
    last: WindowUpdate | None = None
    for place, frame in enumerate(stream.frames):
        if frame.source != host:
            continue
        while coming and _known(coming[0], frame, places[id(coming[0].frame)] < place):
            update = coming.popleft()
            una = max(una, update.ack)
            right_edge = max(right_edge, update.right_edge)
            if last is None or _is_newer(stream, update, last):
                last = update
        nxt = max(nxt, stream.end(frame))
        if last is not None:
            yield SentSegment(frame, stream.seq(frame), stream.end(frame), una, nxt, last, right_edge)


def _known(update: WindowUpdate, frame: Frame, sent_before: bool) -> bool:
    """Whether the window had arrived when the frame was sent."""
    return sent_before and update.frame.arrived <= frame.sent_at


def _is_newer(stream: TcpStream, update: WindowUpdate, last: WindowUpdate) -> bool:
    """Whether it takes the other's place: the test on SND.WL1 and SND.WL2 (RFC 9293 section 3.10.7.4)."""
    return (stream.seq(last.frame), last.ack) <= (stream.seq(update.frame), update.ack)


def _announces(frame: Frame) -> bool:
    """A reset's window means nothing, nor does one without an acknowledgment, except the SYN's."""
    flags = set(tcp_of(frame).flags)
    return "R" not in flags and bool(flags & {"A", "S"})


def _update(stream: TcpStream, frame: Frame, shift: int) -> WindowUpdate:
    """A SYN's own window is never scaled; a SYN without an ACK counts from the first number of the other side."""
    segment = tcp_of(frame)
    is_syn = "S" in segment.flags
    ack = stream.ack(frame) if "A" in segment.flags else 0
    return WindowUpdate(frame, ack, segment.window << (0 if is_syn else shift))
