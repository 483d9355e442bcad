"""A TCP connection: who opened, who closed first, what was sent again."""

from dataclasses import dataclass
from functools import cached_property

from lab.layers import Tcp
from lab.packets import has_flags, relative
from lab.seen_frames import Frame
from lab.seen_records import NS, NothingSeen
from lab.witness import given


def tcp_of(frame: Frame) -> Tcp:
    """The segment in a frame that is known to carry one; ValueError in any other."""
    if frame.tcp is None:
        raise ValueError("the frame carries no TCP segment")
    return frame.tcp


@dataclass(frozen=True)
class Connection:
    """One connection's segments in the order of their sending. The client is the side that sent the first SYN."""

    client: str
    server: str
    client_port: int
    server_port: int
    segments: tuple[Frame, ...]

    def sent_by(
        self, host: str | None = None, flags: str | None = None, data: bool | None = None
    ) -> tuple[Frame, ...] | None:
        """Segments by sender, by flags (as has_flags reads them) and by whether they carry data."""
        wanted = [
            frame
            for frame in self.segments
            if (host is None or frame.source == host)
            and (flags is None or has_flags(tcp_of(frame).flags, flags))
            and (data is None or data is (tcp_of(frame).data_length > 0))
        ]
        given(wanted)
        return tuple(wanted) or None

    def first(self, host: str | None = None, flags: str | None = None, data: bool | None = None) -> Frame | None:
        """The first of them."""
        return (self.sent_by(host, flags, data) or (None,))[0]

    def isn(self, host: str) -> int | None:
        """The initial sequence number that a side chose, from its SYN."""
        syn = next((frame for frame in self.segments if frame.source == host and "S" in tcp_of(frame).flags), None)
        given((syn,))
        return tcp_of(syn).seq if syn else None

    def seq(self, frame: Frame) -> int:
        """SEG.SEQ counted from the sender's initial number: the SYN is 0, the first byte of data 1."""
        return relative(tcp_of(frame).seq, self._start(frame.source))

    def ack(self, frame: Frame) -> int:
        """SEG.ACK counted from the initial number of the side that it acknowledges."""
        return relative(tcp_of(frame).ack, self._start(frame.toward))

    def end(self, frame: Frame) -> int:
        """The first sequence number behind the segment, counted as ``seq`` counts."""
        return self.seq(frame) + tcp_of(frame).length

    def acknowledged(self, host: str) -> int | None:
        """The next number that the other side waits for in the end: what its last segment acknowledges to ``host``."""
        answers = [frame for frame in self.segments if frame.toward == host and "A" in tcp_of(frame).flags]
        given(answers[-1:])
        return self.ack(answers[-1]) if answers else None

    def ladder(self, *frames: Frame) -> tuple[str, ...]:
        """Segments, all where none are given, as flags, first number and acknowledgment: ``SA 0 ack 1``."""
        given(shown := frames or self.segments)
        rungs = ((f"{tcp_of(frame).flags} {self.seq(frame)}", frame) for frame in shown)
        return tuple(f"{rung} ack {self.ack(frame)}" if "A" in rung else rung for rung, frame in rungs)

    @property
    def lost(self) -> tuple[Frame, ...]:
        """Segments that never arrived; NothingSeen when all of them did."""
        if lost := tuple(frame for frame in self.segments if not frame.delivered_at):
            given(lost)
            return lost
        raise NothingSeen(f"every segment of the connection with port {self.server_port} arrived")

    @property
    def retransmissions(self) -> tuple[Frame, ...] | None:
        """Segments any part of which (data, SYN or FIN) the same side had sent before."""
        given(self._again)
        return self._again or None

    @cached_property
    def _again(self) -> tuple[Frame, ...]:
        again: list[Frame] = []
        highest: dict[str, int] = {}
        for frame in self.segments:
            if tcp_of(frame).length == 0:
                continue  # a bare ACK, a keepalive and a window probe take no sequence number
            if self.seq(frame) < highest.get(frame.source, 0):
                again.append(frame)
            highest[frame.source] = max(highest.get(frame.source, 0), self.end(frame))
        return tuple(again)

    def sendings(self, frame: Frame) -> tuple[Frame, ...]:
        """Every segment that carries the first sequence number of ``frame``: the first sending and all that follow."""
        number = self.seq(frame)
        found = tuple(
            other
            for other in self.segments
            if other.source == frame.source and self.seq(other) <= number < self.end(other)
        )
        given(found)
        return found

    @property
    def first_fin(self) -> Frame | None:
        """The first FIN of either side."""
        return self.first(flags="F")

    @property
    def closed_first(self) -> str | None:
        """The host that sent the first FIN."""
        return self.first_fin.source if self.first_fin else None

    @property
    def handshake(self) -> tuple[Frame, Frame, Frame] | None:
        """The SYN that was answered, its SYN with ACK, and the ACK that ends the handshake."""
        syn, answer, after = self._opening("SA")
        ack = next((f for f in after if f.source == self.client and has_flags(tcp_of(f).flags, "A")), None)
        given((syn, answer, ack))
        return (syn, answer, ack) if syn and answer and ack else None

    @property
    def round_trip(self) -> float | None:
        """Seconds from the SYN's leaving the client to the delivery there of what answers it, SYN with ACK or RST."""
        syn, answer, _ = self._opening("SA" if self.first(self.server, "SA") else "R")
        if answer is None or syn is None or not answer.delivered_at:
            return None
        return (answer.delivered_at[0] - syn.sent_at) / NS

    def _opening(self, flags: str) -> tuple[Frame | None, Frame | None, tuple[Frame, ...]]:
        """The server's first segment with these flags, the last SYN before it and all segments after it.

        Before and after by their places, for on the virtual clock all of them may have the same time.
        """
        syn: Frame | None = None
        for place, frame in enumerate(self.segments):
            if frame.source == self.server and has_flags(tcp_of(frame).flags, flags):
                return syn, frame, self.segments[place + 1 :]
            if frame.source == self.client and has_flags(tcp_of(frame).flags, "S"):
                syn = frame
        return None, None, ()

    def data(self, host: str) -> bytes:
        """The bytes that a side sent, each once, in the order of their numbers; gaps are left out."""
        sent = {self.seq(frame): tcp_of(frame).data for frame in self.sent_by(host, data=True) or ()}
        stream, at = bytearray(), min(sent, default=0)
        for number in sorted(sent):
            stream += sent[number][max(0, at - number) :]
            at = max(at, number + len(sent[number]))
        return bytes(stream)

    @cached_property
    def _starts(self) -> dict[str, int]:
        """Where each side's numbers start: at its SYN (or RST in place of it), or one before the first number seen."""
        starts: dict[str, int] = {}
        for frame in self.segments:
            segment = tcp_of(frame)
            start = segment.seq if {"S", "R"} & set(segment.flags) else (segment.seq - 1) % 2**32
            starts.setdefault(frame.source, start)
        for frame in self.segments:  # a side that never sent is known by what was acknowledged to it
            starts.setdefault(frame.toward, (tcp_of(frame).ack - 1) % 2**32)
        return starts

    def _start(self, host: str) -> int:
        return self._starts[host]
