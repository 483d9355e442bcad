"""The curves of a run, as plain data: what a connection that carried much data did over time.

Times are seconds since the run began. Seen from the side that sends: an acknowledgment counts when it was delivered.
Curves last as long as there is data on its way: what comes before and long after is flat, and would take the room.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from badwire.evidence.evidence import Evidence
from badwire.evidence.frames import Frame
from badwire.evidence.sockets import SocketSample
from badwire.evidence.stream import TcpStream, tcp_of
from badwire.evidence.windows import window_shift
from badwire.report import words
from badwire.store.records import NS, NotRecorded

ENOUGH = 16  # segments with data, for a curve to be worth drawing
MOST = 3  # connections; those that sent most
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


def curves(seen: Evidence) -> tuple[Curves, ...]:
    """Those worth drawing, the connection that sent most first."""
    began = int(seen.meta["t"])
    busy = [
        (len(data), place, each, host)
        for place, each in enumerate(seen.wire.streams)
        for host in (each.client, each.server)
        if len(data := each.sent(host, data=True)) >= ENOUGH
    ]
    chosen = sorted(busy, key=lambda one: (-one[0], one[1]))[:MOST]
    return tuple(_curves(seen, connection, host, began) for _, _, connection, host in chosen)


def _curves(seen: Evidence, connection: TcpStream, host: str, began: int) -> Curves:
    data = connection.sent(host, data=True)
    first, last = _span(connection, host, data)

    def points(values: Iterator[tuple[int, float]]) -> Points:
        return _within(tuple(values), first, last, began)

    repeated = {id(frame) for frame in connection.retransmissions}
    looks = _looks(seen, connection, host)
    flight = tuple(_flight(connection, host))
    return Curves(
        words.connection(connection),
        host,
        points((frame.sent_at, connection.end(frame)) for frame in data if id(frame) not in repeated),
        points((frame.sent_at, connection.end(frame)) for frame in data if id(frame) in repeated),
        points((t, ack) for t, _, ack, _ in flight if ack),
        points((t, top - ack) for t, top, ack, _ in flight),
        points((t, window) for t, _, _, window in flight),
        points((look.t, look.info["snd_cwnd"] * look.info["snd_mss"]) for look in looks),
        points((look.t, threshold * look.info["snd_mss"]) for look in looks if (threshold := _threshold(look))),
        points((look.t, rtt / 1000) for look in looks if (rtt := _info(look, "rtt"))),
        points((look.t, rto / 1000) for look in looks if (rto := _info(look, "rto"))),
    )


def _span(connection: TcpStream, host: str, data: Sequence[Frame]) -> tuple[int, int]:
    """From the first data sent to a little after the last acknowledgment of data was delivered, ns."""
    answers = (frame for frame in connection.frames if frame.toward == host and connection.ack(frame) > 1)
    times = [t for frame in answers for t in frame.delivered_at[:1]]
    first, last = data[0].sent_at, max(times + [frame.sent_at for frame in data])
    return first, last + (last - first) // 10


def _within(values: Sequence[tuple[int, float]], first: int, last: int, began: int) -> Points:
    """The points from the first moment to the last; what was so at the first stands there."""
    before = [value for t, value in values if t < first][-1:]
    inside = [(t, value) for t, value in values if first <= t <= last]
    return tuple(((t - began) / NS, value) for t, value in [*((first, value) for value in before), *inside])


def _looks(seen: Evidence, connection: TcpStream, host: str) -> tuple[SocketSample, ...]:
    """The looks at the sender's socket that found its congestion control."""
    ports = (connection.client_port, connection.server_port)
    with suppress(NotRecorded):
        own = ports if host == connection.client else ports[::-1]
        found = seen.host(host).timelines(None, *own, protocol="tcp")
        looks = found[0].samples if found else ()
        return tuple(look for look in looks if _info(look, "snd_mss") and _info(look, "snd_cwnd"))
    return ()


def _info(look: SocketSample, name: str) -> int:
    """A number of tcp_info; 0 where there is none."""
    number = look.info.get(name)
    return number if isinstance(number, int) else 0


def _threshold(look: SocketSample) -> int:
    """Segments; 0 when none was set yet."""
    threshold = _info(look, "snd_ssthresh")
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
    for place, frame in enumerate(connection.frames):
        if frame.source == host:
            yield frame.sent_at, place, frame
        elif "A" in tcp_of(frame).flags:
            yield from ((t, place, frame) for t in frame.delivered_at)
