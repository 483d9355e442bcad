"""A client whose segments get no answer: its retransmissions, the waits between them, and when the kernel gives up."""

from dataclasses import dataclass

from badwire.evidence.congestion import intervals
from badwire.evidence.frames import Frame
from badwire.evidence.records import Records
from badwire.evidence.sockets import SocketSample, SocketTimeline
from badwire.evidence.stream import TcpStream, tcp_of
from badwire.store.records import NS, Call, NotRecorded
from badwire.util.numbers import Span

WAITING = ("connect", "recv")


@dataclass(frozen=True)
class Unanswered:
    """The client's segments that never arrived, without RSTs; its socket, and the calls on that socket, in order."""

    stream: TcpStream
    frames: Records[Frame]
    socket: SocketTimeline
    calls: Records[Call]

    @property
    def call(self) -> Call:
        """The last call that waited for the server's answer.

        A call that had returned before the first of these segments was sent did not wait for its answer.

        Raises:
            NotRecorded: no call waited.
        """
        waited = self.calls.where(self._waited)
        found = Records(
            waited,
            "calls",
            "no call waited for port {port}",
            port=self.stream.server_port,
        )
        return found.last

    def _waited(self, call: Call) -> bool:
        first = self.frames.first
        return call.call in WAITING and (not call.returned or call.ended >= first.sent_at)

    def after_option(self, name: str) -> float:
        """Seconds from the setting of a socket option to the first segment.

        Raises:
            NotRecorded: the option was not set.
        """
        first = self.frames.first
        for each in self.calls:
            if each.call == "setsockopt" and name in each.args:
                return (first.sent_at - each.ended) / NS
        raise NotRecorded.of(
            "{option} was not set on the socket of port {port}",
            option=name,
            port=self.stream.server_port,
        )

    @property
    def retransmissions(self) -> Records[Frame]:
        """All but the first of them."""
        return Records(
            self.frames[1:],
            "segments",
            "no unanswered segment to port {port} was retransmitted",
            port=self.stream.server_port,
        )

    @property
    def waits(self) -> tuple[float | Span, ...]:
        """Seconds from each segment to the next, and from the last one until the kernel gave up."""
        between_segments = intervals(self.frames)
        last = self.frames.last
        until_given_up = self.given_up_after(last.sent_at)
        return (*between_segments, until_given_up)

    def given_up_after(self, t: int) -> Span:
        """Seconds from a time (ns) until the kernel gave up.

        The kernel gave up after the last sample that shows the socket, and before the call returned.

        Raises:
            NotRecorded: the socket still existed at the end of the run.
        """
        last = self.socket.periods.last
        if not last.ended:
            raise NotRecorded.of(
                "the socket of port {port} still existed at the end of the run",
                port=self.stream.server_port,
            )
        earliest = last.left_after
        returned = min(last.left_by, self.call.ended)
        latest = max(earliest, returned)
        shortest = (earliest - t) / NS
        longest = (latest - t) / NS
        return Span(shortest, longest)

    @property
    def rto(self) -> float:
        """The retransmission timeout before the first of these segments, in seconds.

        Raises:
            NotRecorded: no sample from before that segment has it.
        """
        known = self.socket.samples.where(self._has_rto_before)
        if not known:
            raise NotRecorded.of(
                "the RTO of port {port} was not recorded before the first unanswered segment",
                port=self.stream.server_port,
            )
        return known.last.rto

    def _has_rto_before(self, sample: SocketSample) -> bool:
        first = self.frames.first
        return sample.t <= first.sent_at and "rto" in sample.info


def unanswered(stream: TcpStream, socket: SocketTimeline, calls: Records[Call]) -> Unanswered:
    """The segments that the client sent without an answer.

    Raises:
        NotRecorded: all of them arrived.
    """

    def is_unanswered(frame: Frame) -> bool:
        return frame.source == stream.client and "R" not in tcp_of(frame).flags

    frames = stream.lost.where(is_unanswered)
    if not frames:
        raise NotRecorded.of(
            "all that {client} sent to port {port} arrived",
            client=stream.client,
            port=stream.server_port,
        )
    return Unanswered(stream, frames, socket, calls)
