"""The curves of a run, as plain data: how a connection that carried much data developed over time.

Times are seconds since the run began, as the sender sees them: an acknowledgment counts when it was delivered. Curves
end soon after the last data was acknowledged, since they are flat from there on.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

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
    busy: list[tuple[int, TcpStream, str]] = []
    for connection in run.wire.streams:
        for host in (connection.client, connection.server):
            count = len(connection.sent(host, data=True))
            if count >= ENOUGH:
                busy.append((count, connection, host))
    busy.sort(key=lambda each: each[0], reverse=True)
    began = int(run.meta["t"])
    return tuple(_curves(run, connection, host, began) for _, connection, host in busy[:MOST])


def _curves(run: Evidence, connection: TcpStream, host: str, began: int) -> Curves:
    data = connection.sent(host, data=True)
    first, last = _span(connection, host, data)

    def points(values: Iterator[tuple[int, float]]) -> Points:
        return _within(tuple(values), first, last, began)

    repeated = {id(frame) for frame in connection.retransmissions}
    samples = _samples(run, connection, host)
    flight = tuple(_flight(connection, host))
    return Curves(
        describe.connection(connection),
        host,
        points((frame.sent_at, connection.end(frame)) for frame in data if id(frame) not in repeated),
        points((frame.sent_at, connection.end(frame)) for frame in data if id(frame) in repeated),
        points((t, ack) for t, _, ack, _ in flight if ack),
        points((t, top - ack) for t, top, ack, _ in flight),
        points((t, window) for t, _, _, window in flight),
        points((each.t, each.info["snd_cwnd"] * each.info["snd_mss"]) for each in samples),
        points((each.t, _threshold(each) * each.info["snd_mss"]) for each in samples if _threshold(each)),
        points((each.t, _info(each, "rtt") / 1000) for each in samples if _info(each, "rtt")),
        points((each.t, _info(each, "rto") / 1000) for each in samples if _info(each, "rto")),
    )


def _span(connection: TcpStream, host: str, data: Sequence[Frame]) -> tuple[int, int]:
    """From the sending of the first data until a little after the delivery of its last acknowledgment, ns."""
    answers = (frame for frame in connection.frames if frame.toward == host and connection.ack(frame) > 1)
    times = [t for frame in answers for t in frame.delivered_at[:1]]
    first, last = data[0].sent_at, max(times + [frame.sent_at for frame in data])
    return first, last + (last - first) // 10


def _within(values: Sequence[tuple[int, float]], first: int, last: int, began: int) -> Points:
    """The points from ``first`` to ``last``; the value that held at ``first`` becomes a point there."""
    before = [value for t, value in values if t < first][-1:]
    inside = [(t, value) for t, value in values if first <= t <= last]
    return tuple(((t - began) / NS, value) for t, value in [*((first, value) for value in before), *inside])


def _samples(run: Evidence, connection: TcpStream, host: str) -> tuple[SocketSample, ...]:
    """The samples of the sender's socket that show its congestion control."""
    ports = (connection.client_port, connection.server_port)
    with suppress(NotRecorded):
        own = ports if host == connection.client else ports[::-1]
        found = run.host(host).timelines(None, *own, protocol="tcp")
        samples = found[0].samples if found else ()
        return tuple(each for each in samples if _info(each, "snd_mss") and _info(each, "snd_cwnd"))
    return ()


def _info(sample: SocketSample, name: str) -> int:
    """A number of tcp_info; 0 if it was not recorded."""
    number = sample.info.get(name)
    return number if isinstance(number, int) else 0


def _threshold(sample: SocketSample) -> int:
    """ssthresh in segments; 0 when it was not set yet."""
    threshold = _info(sample, "snd_ssthresh")
    return threshold if threshold < _NO_THRESHOLD else 0


def _flight(connection: TcpStream, host: str) -> Iterator[tuple[int, int, int, int]]:
    """After each segment sent and each acknowledgment delivered: time, highest number sent, acknowledged, window."""
    scale = window_shift(connection, connection.other(host)) or 0
    moments = sorted(_moments(connection, host), key=lambda moment: moment[:2])
    top = ack = window = 0
    for t, _, frame in moments:
        if frame.source == host:
            top = max(top, connection.end(frame))
        else:
            segment = tcp_of(frame)
            ack = max(ack, connection.ack(frame))
            window = segment.window << (0 if "S" in segment.flags else scale)
        yield t, max(top, ack), ack, window


def _moments(connection: TcpStream, host: str) -> Iterator[tuple[int, int, Frame]]:
    for index, frame in enumerate(connection.frames):
        if frame.source == host:
            yield frame.sent_at, index, frame
        elif "A" in tcp_of(frame).flags:
            yield from ((t, index, frame) for t in frame.delivered_at)
