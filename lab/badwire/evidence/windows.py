"""Compares each segment of one side with the window that the other side announced, as the sender knew it.

A sender knows a window only once its acknowledgment has arrived, so each segment is compared with those that had
arrived when it was sent. Two events with the same time are in the order of the capture. Sequence numbers are counted as
in TcpStream: the SYN is 0, the first byte of data 1. Windows are in bytes, scaled by the option of the SYNs (RFC 7323
section 2.2).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from badwire.evidence.frames import Frame
from badwire.evidence.records import Records
from badwire.evidence.selection import selects
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
        """The first sequence number beyond the window."""
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
        """Bytes sent and not acknowledged, including this segment; bytes that were sent twice count once."""
        return self.nxt - self.una

    @property
    def room(self) -> int:
        """Bytes that may still be sent after this segment; negative if the segment extends beyond the right edge."""
        return self.right_edge - self.nxt

    @property
    def waited(self) -> float:
        """Seconds from the arrival of the last window to the sending."""
        return (self.frame.sent_at - self.window.frame.arrived) / NS

    @property
    def is_probe(self) -> bool:
        """Whether it is a window probe: no data, and a number that was acknowledged before (RFC 9293 3.8.6.1)."""
        if tcp_of(self.frame).length > 0:
            return False
        return self.first == self.una - 1


def window_shift(stream: TcpStream, host: str) -> int | None:
    """By how many bits a side's windows are shifted after its SYN; None unless both sides' SYNs were recorded.

    Zero unless both SYNs carry the option (RFC 7323 section 2.2).
    """
    offered: dict[str, int | None] = {}
    for frame in stream.frames:
        segment = tcp_of(frame)
        if "S" in segment.flags:
            offered[frame.source] = segment.options.window_scale
    if len(offered) < 2:
        return None
    both_offer = None not in offered.values()
    shift = offered[host]
    if both_offer and shift is not None:
        return shift
    return 0


def window_updates(stream: TcpStream, host: str) -> Records[WindowUpdate]:
    """The windows that a side announced, also those that never arrived, in the order of their sending.

    Empty when the scale is not known because one of the two SYNs was not recorded.
    """
    found = []
    shift = window_shift(stream, host)
    if shift is not None:
        announcing = stream.sent(host).where(_announces)
        found = [_update(stream, frame, shift) for frame in announcing]
    return Records(
        found,
        "windows",
        "no window of {host} on port {port} is known, since it was not recorded, or not both SYNs were",
        host=host,
        port=stream.server_port,
    )


def sent_against_window(
    stream: TcpStream,
    host: str,
    data: bool | None = True,
) -> Records[SentSegment]:
    """The segments that a side sent once it knew a window, in order, each with what the sender knew.

    Args:
        stream: the segments. Without both SYNs the windows are not known, and the result is empty.
        host: the sender.
        data: only segments with data (True), only those without (False), or all of them (None).
    """
    receiver = stream.other(host)
    updates = window_updates(stream, receiver)
    sent = _follow(stream, host, updates)
    found = [each for each in sent if selects(data, _has_data(each))]
    return Records(
        found,
        "segments",
        "no segment of {host} on port {port} was recorded after a window had arrived",
        host=host,
        port=stream.server_port,
    )


def ack_delays(stream: TcpStream, host: str) -> Records[float]:
    """For each segment with data of ``host``: seconds from its arrival to the sending of the first ACK of all of it.

    Raises:
        NotRecorded: a segment that arrived was not acknowledged.
    """
    delays = []
    for index, frame in enumerate(stream.frames):
        if frame.source == host and frame.carries_data and frame.delivered_at:
            ack = _ack_of(stream, index)
            delay = ack.sent_at - frame.arrived
            delays.append(delay / NS)
    return Records(
        delays,
        "delays",
        "no data of {host} on port {port} arrived",
        host=host,
        port=stream.server_port,
    )


def _ack_of(stream: TcpStream, index: int) -> Frame:
    """The first ACK, at or after an index in the stream's segments, of all of the segment at that index."""
    frame = stream.frames[index]
    end = stream.end(frame)
    for each in stream.frames[index:]:
        if each.toward != frame.source or "A" not in tcp_of(each).flags:
            continue
        if stream.ack(each) >= end:
            return each
    raise NotRecorded.of(
        "number {number} of {host} was not acknowledged",
        number=stream.seq(frame),
        host=frame.source,
    )


def next_wanted(stream: TcpStream, host: str, t: int) -> int:
    """The sequence number that a side expects next at ``t`` (ns): the first one that has not arrived."""
    arrived: list[tuple[int, int]] = []
    for frame in stream.frames:
        if frame.toward != host or not frame.delivered_at:
            continue
        if frame.arrived <= t:
            arrived.append((stream.seq(frame), stream.end(frame)))
    arrived.sort()
    expected = 0
    for first, end in arrived:
        if first <= expected:
            expected = max(expected, end)
    return expected


def sent_against_zero_window(stream: TcpStream, host: str) -> Records[SentSegment]:
    """The segments that a side sent while the last window that had arrived was zero."""
    sent = sent_against_window(stream, host, data=None)
    return Records(
        sent.where(lambda each: each.window.window == 0),
        "segments",
        "{host} sent nothing while its window was zero",
        host=host,
    )


def first_after_zero_window(stream: TcpStream, host: str) -> SentSegment:
    """The first data that a side sent after a window of zero had opened again.

    Raises:
        NotRecorded: no window was zero, or no data followed.
    """
    last = sent_against_zero_window(stream, host).last
    for each in sent_against_window(stream, host):
        if each.right_edge > last.right_edge:
            return each
    raise NotRecorded.of("the window of {host} never opened again", host=host)


def _has_data(sent: SentSegment) -> bool:
    return tcp_of(sent.frame).data_length > 0


def _follow(stream: TcpStream, host: str, updates: Records[WindowUpdate]) -> Iterator[SentSegment]:
    """Each segment that a side sent once it knew a window, in order, with what the sender knew."""
    positions = {id(frame): position for position, frame in enumerate(stream.frames)}
    arrived = list(updates.where(lambda update: update.frame.delivered_at))
    arrived.sort(key=lambda update: update.frame.deliveries[0].position)
    pending = deque(arrived)
    nxt = 0
    una = 0
    right_edge = 0
    last: WindowUpdate | None = None
    for position, frame in enumerate(stream.frames):
        if frame.source != host:
            continue
        while pending:
            update = pending[0]
            sent_before = positions[id(update.frame)] < position
            if not sent_before or update.frame.arrived > frame.sent_at:
                break  # the sender did not know it yet
            pending.popleft()
            una = max(una, update.ack)
            right_edge = max(right_edge, update.right_edge)
            if last is None or _is_newer(stream, update, last):
                last = update
        nxt = max(nxt, stream.end(frame))
        if last is not None:
            yield SentSegment(
                frame=frame,
                first=stream.seq(frame),
                end=stream.end(frame),
                una=una,
                nxt=nxt,
                window=last,
                right_edge=right_edge,
            )


def _is_newer(stream: TcpStream, update: WindowUpdate, last: WindowUpdate) -> bool:
    """Whether an update replaces the last one: the test on SND.WL1 and SND.WL2 (RFC 9293 section 3.10.7.4)."""
    replaced = (stream.seq(last.frame), last.ack)
    replacing = (stream.seq(update.frame), update.ack)
    return replaced <= replacing


def _announces(frame: Frame) -> bool:
    """Whether a segment announces a window. A reset does not, nor does a segment without an ACK, except a SYN."""
    flags = set(tcp_of(frame).flags)
    if "R" in flags:
        return False
    return "A" in flags or "S" in flags


def _update(stream: TcpStream, frame: Frame, shift: int) -> WindowUpdate:
    """A SYN's own window is never scaled; a SYN without an ACK counts from the first number of the other side."""
    segment = tcp_of(frame)
    ack = 0
    if "A" in segment.flags:
        ack = stream.ack(frame)
    window = segment.window
    if "S" not in segment.flags:
        window <<= shift
    return WindowUpdate(frame, ack, window)
