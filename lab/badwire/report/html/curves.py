"""The curves of a run, as plain data: how a connection that carried much data developed over time.

Times are seconds since the run began, as the sender sees them: an acknowledgment counts when it was delivered. Curves
end soon after the last data was acknowledged, since they are flat from there on.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from badwire.evidence.evidence import Evidence
from badwire.evidence.frames import Frame
from badwire.evidence.sockets import SocketSample
from badwire.evidence.stream import TcpStream, tcp_of
from badwire.evidence.windows import window_shift
from badwire.report import describe
from badwire.store.records import NS, NotRecorded

ENOUGH = 16  # segments with data; a connection with fewer has no curves
MOST = 3  # how many connections have curves: those that sent most
_NO_THRESHOLD = 0x7FFFFFFF  # include/net/tcp.h TCP_INFINITE_SSTHRESH

TimedValue = tuple[int, float]  # a time in ns and a value
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Curves:
    """One connection's data in one direction; ``sender`` is the host that sent it.

    ``sent``, ``again`` and ``acknowledged`` are sequence numbers; ``flight``, ``offered`` (the receiver's window),
    ``cwnd`` and ``ssthresh`` are bytes; ``rtt`` and ``rto`` milliseconds.
    """

    ends: str
    sender: str
    sent: Points
    again: Points
    acknowledged: Points
    flight: Points
    offered: Points
    cwnd: Points
    ssthresh: Points
    rtt: Points
    rto: Points


def curves(run: Evidence) -> tuple[Curves, ...]:
    """The curves of the connections that sent most data, the one that sent most first."""
    busy = []
    for connection in run.wire.streams:
        for host in (connection.client, connection.server):
            sender = _Sender(run, connection, host)
            if len(sender.data) >= ENOUGH:
                busy.append(sender)
    busy.sort(key=lambda sender: len(sender.data), reverse=True)
    return tuple(sender.curves() for sender in busy[:MOST])


class _Progress(NamedTuple):
    """What the sender knew at the time ``t`` (ns): SND.NXT, SND.UNA and SND.WND of RFC 9293 section 3.3.1."""

    t: int
    nxt: int
    una: int
    window: int


class _Moment(NamedTuple):
    """When the sender sent a segment or received one, in ns. ``number`` is the segment's, in the order of sending."""

    t: int
    number: int
    frame: Frame


class _Sender:
    """One side of a connection, which sends data."""

    def __init__(self, run: Evidence, connection: TcpStream, host: str) -> None:
        self._run = run
        self._connection = connection
        self._host = host
        self.data = connection.sent(host, data=True)

    def curves(self) -> Curves:
        """The curves of the data that it sends."""
        connection = self._connection
        repeated = {id(frame) for frame in connection.retransmissions}
        sent: list[TimedValue] = []
        again: list[TimedValue] = []
        for frame in self.data:
            points = again if id(frame) in repeated else sent
            points.append((frame.sent_at, connection.end(frame)))
        progress = list(self._progress())
        samples = self._samples()
        return Curves(
            ends=describe.connection(connection),
            sender=self._host,
            sent=self._points(sent),
            again=self._points(again),
            acknowledged=self._points([(moment.t, moment.una) for moment in progress if moment.una]),
            flight=self._points([(moment.t, moment.nxt - moment.una) for moment in progress]),
            offered=self._points([(moment.t, moment.window) for moment in progress]),
            cwnd=self._sampled(samples, _cwnd),
            ssthresh=self._sampled(samples, _ssthresh),
            rtt=self._sampled(samples, lambda sample: _milliseconds(sample, "rtt")),
            rto=self._sampled(samples, lambda sample: _milliseconds(sample, "rto")),
        )

    def _sampled(self, samples: Iterable[SocketSample], value: Callable[[SocketSample], float]) -> Points:
        """The curve of a value of tcp_info; where it is 0, it was not set or not recorded."""
        found = []
        for sample in samples:
            number = value(sample)
            if number:
                found.append((sample.t, number))
        return self._points(found)

    def _points(self, values: Iterable[TimedValue]) -> Points:
        """The values within the span; the value that held when it began becomes a point there."""
        first, last = self._span
        before: list[TimedValue] = []
        within: list[TimedValue] = []
        for t, value in values:
            if t < first:
                before = [(first, value)]
            elif t <= last:
                within.append((t, value))
        began = int(self._run.meta["t"])
        return tuple(((t - began) / NS, value) for t, value in before + within)

    @cached_property
    def _span(self) -> tuple[int, int]:
        """From the sending of the first data until a little after the delivery of its last acknowledgment, ns."""
        first = self.data[0].sent_at
        last = max(frame.sent_at for frame in self.data)
        for frame in self._connection.frames:
            acknowledges_data = frame.toward == self._host and self._connection.ack(frame) > 1
            if acknowledges_data and frame.delivered_at:
                last = max(last, frame.delivered_at[0])
        margin = (last - first) // 10
        return first, last + margin

    def _samples(self) -> list[SocketSample]:
        """The samples of the sender's socket that show its congestion control."""
        connection = self._connection
        local, remote = connection.client_port, connection.server_port
        if self._host == connection.server:
            local, remote = remote, local
        try:
            timelines = self._run.host(self._host).timelines(None, local, remote, protocol="tcp")
        except NotRecorded:
            return []
        if not timelines:
            return []
        return [sample for sample in timelines[0].samples if _cwnd(sample)]

    def _progress(self) -> Iterator[_Progress]:
        """What the sender knew after each segment that it sent and each acknowledgment that was delivered to it."""
        connection = self._connection
        shift = window_shift(connection, connection.other(self._host)) or 0
        nxt = 0
        una = 0
        window = 0
        for moment in sorted(self._moments(), key=lambda moment: (moment.t, moment.number)):
            frame = moment.frame
            if frame.source == self._host:
                nxt = max(nxt, connection.end(frame))
            else:
                segment = tcp_of(frame)
                is_syn = "S" in segment.flags  # its window is not scaled (RFC 7323 section 2.2)
                una = max(una, connection.ack(frame))
                window = segment.window if is_syn else segment.window << shift
            yield _Progress(
                t=moment.t,
                nxt=max(nxt, una),
                una=una,
                window=window,
            )

    def _moments(self) -> Iterator[_Moment]:
        """When the sender sent a segment, and when an acknowledgment was delivered to it."""
        for number, frame in enumerate(self._connection.frames):
            if frame.source == self._host:
                yield _Moment(frame.sent_at, number, frame)
            elif "A" in tcp_of(frame).flags:
                for t in frame.delivered_at:
                    yield _Moment(t, number, frame)


def _info(sample: SocketSample, name: str) -> int:
    """A number of tcp_info; 0 if it was not recorded."""
    number = sample.info.get(name)
    return number if isinstance(number, int) else 0


def _cwnd(sample: SocketSample) -> int:
    """The congestion window in bytes; 0 if it was not recorded."""
    return _info(sample, "snd_cwnd") * _info(sample, "snd_mss")


def _ssthresh(sample: SocketSample) -> int:
    """The slow start threshold in bytes; 0 when it was not set yet."""
    segments = _info(sample, "snd_ssthresh")
    if segments >= _NO_THRESHOLD:
        return 0
    return segments * _info(sample, "snd_mss")


def _milliseconds(sample: SocketSample, name: str) -> float:
    """A time of tcp_info; 0 if it was not recorded."""
    return _info(sample, name) / 1000
