"""A client whose segments get no answer: what it sends again, how long it waits each time, when it gives up."""

from dataclasses import dataclass

from badwire.evidence.congestion import intervals
from badwire.evidence.frames import Frame
from badwire.evidence.records import Records
from badwire.evidence.sockets import SocketTimeline
from badwire.evidence.stream import TcpStream, tcp_of
from badwire.store.records import NS, Call, NotRecorded
from badwire.util.numbers import Span

WAITING = ("connect", "recv")


@dataclass(frozen=True)
class Unanswered:
    """The client's segments that never arrived, an RST left out; its socket, and the calls on that, in order."""

    stream: TcpStream
    frames: Records[Frame]
    socket: SocketTimeline
    calls: Records[Call]

    @property
    def call(self) -> Call:
        """The last call that waited for the server's answer. Raises NotRecorded when none did.

        A call that had returned before the first of these segments was sent did not wait for its answer.
        """
        first = self.frames.first.sent_at
        return Records(
            (each for each in self.calls if each.call in WAITING and each.ended >= first),
            "calls", "no call waited for port {port}", port=self.stream.server_port,
        ).last  # fmt: skip

    def after_option(self, name: str) -> float:
        """Seconds from the setting of a socket option to the first segment. Raises NotRecorded if it was not set."""
        for each in self.calls:
            if each.call == "setsockopt" and name in each.args:
                return (self.frames.first.sent_at - each.ended) / NS
        raise NotRecorded.of("{option} was not set on the socket of port {port}", option=name,
                             port=self.stream.server_port)  # fmt: skip

    @property
    def retransmissions(self) -> Records[Frame]:
        """All but the first of them."""
        return Records(
            self.frames[1:], "segments", "nothing sent to port {port} was sent again", port=self.stream.server_port
        )

    @property
    def waits(self) -> tuple[float | Span, ...]:
        """Seconds from each segment to the next, and from the last one until the kernel gave up."""
        return (*intervals(self.frames), self.given_up_after(self.frames.last.sent_at))

    def given_up_after(self, t: int) -> Span:
        """Seconds from a time (ns) until the kernel gave up: after the last sample that shows the socket, and before
        the call returned. Raises NotRecorded when the socket was there to the end.
        """
        last = self.socket.periods.last
        if not last.ended:
            raise NotRecorded.of("the socket of port {port} was there to the end", port=self.stream.server_port)
        longest = max(last.left_after, min(last.left_by, self.call.ended))
        return Span((last.left_after - t) / NS, (longest - t) / NS)

    @property
    def rto(self) -> float:
        """The retransmission timeout before the first of these segments, in seconds. Raises NotRecorded."""
        first = self.frames.first.sent_at
        before = [each for each in self.socket.samples if each.t <= first and "rto" in each.info]
        if not before:
            raise NotRecorded.of("the RTO of port {port} was not recorded before", port=self.stream.server_port)
        return before[-1].rto


def unanswered(stream: TcpStream, socket: SocketTimeline, calls: Records[Call]) -> Unanswered:
    """What the client sent without an answer. Raises NotRecorded when all of it arrived."""
    frames = stream.lost.where(lambda frame: frame.source == stream.client and "R" not in tcp_of(frame).flags)
    if not frames:
        raise NotRecorded.of("all that {client} sent to port {port} arrived", client=stream.client,
                             port=stream.server_port)  # fmt: skip
    return Unanswered(stream, frames, socket, calls)
