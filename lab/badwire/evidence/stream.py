"""The segments of one TCP connection, in the order of their sending, with numbers counted from its SYNs.

``TcpStream`` knows segments only. What a claim asks is in ``badwire.evidence.connection``, which adds the sockets and
calls of both ends.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from badwire.evidence.frames import Frame
from badwire.evidence.provenance import noted
from badwire.evidence.records import Records
from badwire.packets.packet import Tcp, has_flags, relative
from badwire.store.records import NS, NotRecorded

Flags = str | tuple[str, ...]
End = tuple[str, int]  # a host and a port


def tcp_of(frame: Frame) -> Tcp:
    """The segment in a frame. Raises ValueError for a frame that carries none."""
    if frame.tcp is None:
        raise ValueError("the frame carries no TCP segment")
    return frame.tcp


def matches(frame: Frame, flags: Flags | None, data: bool | None) -> bool:
    """Whether a segment has these flags, or one of several sets of flags, and whether it carries data."""
    segment = tcp_of(frame)
    if data is not None and data is not (segment.data_length > 0):
        return False
    if flags is None:
        return True
    wanted = (flags,) if isinstance(flags, str) else flags
    return any(has_flags(segment.flags, each) for each in wanted)


@dataclass(frozen=True)
class TcpStream:
    """One connection's segments. The client is the side that sent the first SYN."""

    client: str
    server: str
    client_port: int
    server_port: int
    frames: tuple[Frame, ...]

    def other(self, host: str) -> str:
        """The host at the other end."""
        return self.server if host == self.client else self.client

    def sent(self, host: str | None = None, flags: Flags | None = None, data: bool | None = None) -> Records[Frame]:
        """Segments by sender, by flags (as has_flags reads them) and by whether they carry data."""
        found = [
            frame for frame in self.frames if (host is None or frame.source == host) and matches(frame, flags, data)
        ]
        noted(found)
        kind = "segments"
        if data:
            kind = "segments with data"
        elif flags is not None:
            kind = f"{flags if isinstance(flags, str) else ' or '.join(flags)} segments"
        sender = host or "either side"
        return Records(
            found, "segments", "no {kind} of {sender} were recorded on port {port}",
            kind=kind, sender=sender, port=self.server_port,
        )  # fmt: skip

    def seq(self, frame: Frame) -> int:
        """SEG.SEQ counted from the sender's initial number: the SYN is 0, the first byte of data 1."""
        return relative(tcp_of(frame).seq, self._starts[frame.source])

    def ack(self, frame: Frame) -> int:
        """SEG.ACK counted from the initial number of the side that it acknowledges."""
        return relative(tcp_of(frame).ack, self._starts[frame.toward])

    def end(self, frame: Frame) -> int:
        """The first sequence number behind the segment, counted as ``seq`` counts."""
        return self.seq(frame) + tcp_of(frame).length

    def acknowledged(self, host: str) -> int:
        """The number that the other side wants next in the end. Raises NotRecorded when it acknowledged nothing."""
        for frame in reversed(self.frames):
            if frame.toward == host and "A" in tcp_of(frame).flags:
                noted([frame])
                return self.ack(frame)
        raise NotRecorded.of("nothing was acknowledged to {host} on port {port}", host=host, port=self.server_port)

    def summary(self, frames: Iterable[Frame]) -> tuple[str, ...]:
        """Segments as flags, first number and acknowledgment: ``S 0``, ``SA 0 ack 1``."""
        shown = tuple(frames)
        noted(shown)
        return tuple(self._summary(frame) for frame in shown)

    def _summary(self, frame: Frame) -> str:
        flags = tcp_of(frame).flags
        acknowledgment = f" ack {self.ack(frame)}" if "A" in flags else ""
        return f"{flags} {self.seq(frame)}{acknowledgment}"

    @property
    def lost(self) -> Records[Frame]:
        """Segments that never arrived."""
        found = [frame for frame in self.frames if not frame.delivered_at]
        noted(found)
        return Records(found, "segments", "every segment on port {port} arrived", port=self.server_port)

    @property
    def retransmissions(self) -> Records[Frame]:
        """Segments any part of which (data, SYN or FIN) the same side had sent before."""
        noted(self._retransmissions)
        return Records(
            self._retransmissions, "segments", "no segment on port {port} was sent again", port=self.server_port
        )

    @cached_property
    def _retransmissions(self) -> tuple[Frame, ...]:
        again: list[Frame] = []
        highest: dict[str, int] = {}
        for frame in self.frames:
            if tcp_of(frame).length == 0:
                continue  # a bare ACK, a keepalive and a window probe take no sequence number
            if self.seq(frame) < highest.get(frame.source, 0):
                again.append(frame)
            highest[frame.source] = max(highest.get(frame.source, 0), self.end(frame))
        return tuple(again)

    def sendings(self, frame: Frame) -> Records[Frame]:
        """Every segment that carries the first sequence number of ``frame``: the first one and its retransmissions."""
        number = self.seq(frame)
        found = [
            other
            for other in self.frames
            if other.source == frame.source and self.seq(other) <= number < self.end(other)
        ]
        noted(found)
        return Records(found, "segments", "number {number} was not sent on port {port}", number=number,
                       port=self.server_port)  # fmt: skip

    @property
    def handshake(self) -> tuple[Frame, Frame, Frame] | None:
        """The SYN that was answered, its SYN with ACK, and the ACK that ends the handshake; None without all three."""
        syn, answer, after = self._answered("SA")
        ack = next((f for f in after if f.source == self.client and has_flags(tcp_of(f).flags, "A")), None)
        if syn is None or answer is None or ack is None:
            return None
        noted([syn, answer, ack])
        return syn, answer, ack

    @property
    def round_trip(self) -> float:
        """Seconds from the SYN's sending to the arrival of its answer, SYN with ACK or RST.

        Raises NotRecorded when the SYN got no answer.
        """
        flags = "SA" if self.sent(self.server, "SA") else "R"
        syn, answer, _ = self._answered(flags)
        if answer is None or syn is None or not answer.delivered_at:
            raise NotRecorded.of("no answer to a SYN arrived on port {port}", port=self.server_port)
        return (answer.arrived - syn.sent_at) / NS

    def _answered(self, flags: str) -> tuple[Frame | None, Frame | None, tuple[Frame, ...]]:
        """The server's first segment with these flags, the last SYN before it, and all segments after it.

        Before and after by their places, since on the virtual clock all of them may have the same time.
        """
        syn: Frame | None = None
        for place, frame in enumerate(self.frames):
            if frame.source == self.server and has_flags(tcp_of(frame).flags, flags):
                return syn, frame, self.frames[place + 1 :]
            if frame.source == self.client and has_flags(tcp_of(frame).flags, "S"):
                syn = frame
        return None, None, ()

    def data(self, host: str) -> bytes:
        """The bytes that a side sent, each once, in the order of their numbers; gaps are left out."""
        sent = {self.seq(frame): tcp_of(frame).data for frame in self.sent(host, data=True)}
        stream = bytearray()
        at = min(sent, default=0)
        for number in sorted(sent):
            stream += sent[number][max(0, at - number) :]
            at = max(at, number + len(sent[number]))
        return bytes(stream)

    @cached_property
    def _starts(self) -> dict[str, int]:
        """Where each side's numbers start: at its SYN (or RST in place of it), or one before the first number seen."""
        starts: dict[str, int] = {}
        for frame in self.frames:
            segment = tcp_of(frame)
            start = segment.seq if {"S", "R"} & set(segment.flags) else (segment.seq - 1) % 2**32
            starts.setdefault(frame.source, start)
        for frame in self.frames:  # a side that never sent is known by what was acknowledged to it
            starts.setdefault(frame.toward, (tcp_of(frame).ack - 1) % 2**32)
        return starts


def streams(frames: Iterable[Frame]) -> tuple[TcpStream, ...]:
    """The connections in ``frames``, in the order in which they began. A new SYN on known ports begins a new one."""
    groups: list[tuple[End, End, list[Frame]]] = []
    current: dict[frozenset[End], int] = {}
    for frame in frames:
        if frame.tcp is None:
            continue
        source = (frame.source, frame.tcp.source_port)
        toward = (frame.toward, frame.tcp.destination_port)
        ends = frozenset((source, toward))
        if ends not in current or _begins_anew(frame, source, groups[current[ends]][2]):
            client, server = (toward, source) if has_flags(frame.tcp.flags, "SA") else (source, toward)
            current[ends] = len(groups)
            groups.append((client, server, []))
        groups[current[ends]][2].append(frame)
    return tuple(_streams(groups))


def _streams(groups: Iterable[tuple[End, End, list[Frame]]]) -> Iterator[TcpStream]:
    for client, server, group in groups:
        yield TcpStream(client[0], server[0], client[1], server[1], tuple(group))


def _begins_anew(frame: Frame, source: End, before: list[Frame]) -> bool:
    """A SYN with another number than this side's before; a SYN from the other side is a simultaneous open at first."""
    if not has_flags(tcp_of(frame).flags, "S"):
        return False
    own = [each for each in before if each.source == source[0] and tcp_of(each).source_port == source[1]]
    if not own:
        return any(not has_flags(tcp_of(each).flags, "S") for each in before)
    return tcp_of(frame).seq not in {tcp_of(each).seq for each in own if "S" in tcp_of(each).flags}
