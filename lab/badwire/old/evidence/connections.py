"""A TCP connection: who opened, who closed first, what was sent again.

A side's data as it came to the other one: out of order, and with what had come before.

A connection's end: who sent the first FIN, and every segment from there on.

Frames put together into TCP connections.

A connection from its beginning: the segments that opened it, and what they agreed on.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from badwire.old.evidence.frames import Frame
from badwire.old.evidence.provenance import given
from badwire.packets.packet import Tcp, has_flags, relative
from badwire.store.records import NS, NothingSeen


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


def arrivals(connection: Connection, sender: str) -> tuple[tuple[int, int], ...] | None:
    """First number and end of each segment with data that was delivered, in the order of arrival; None without any.

    Numbers count as Connection.seq does; what came twice is here twice.
    """
    came = [
        (t, connection.seq(frame), connection.seq(frame) + tcp_of(frame).data_length)
        for frame in connection.sent_by(sender, data=True) or ()
        for t in frame.delivered_at
    ]
    return tuple((first, end) for _, first, end in sorted(came)) or None


def too_early(connection: Connection, sender: str) -> int | None:
    """How many of them came before a byte that belongs in front of them."""
    return _count(connection, sender, lambda got, first, end: not got.issuperset(range(1, first)))


def nothing_new(connection: Connection, sender: str) -> int | None:
    """How many of them brought no byte that had not come before."""
    return _count(connection, sender, lambda got, first, end: got.issuperset(range(first, end)))


def _count(connection: Connection, sender: str, which: Callable[[set[int], int, int], bool]) -> int | None:
    got: set[int] = set()
    found = 0
    for first, end in arrivals(connection, sender) or ():
        found += which(got, first, end)
        got.update(range(first, end))
    return found if got else None


@dataclass(frozen=True)
class Closed:
    """A connection of which a FIN was seen; ``segments`` is that one and all after it."""

    connection: Connection
    segments: tuple[Frame, ...]

    @property
    def first(self) -> str:
        """The host that sent the first FIN."""
        return self.segments[0].source

    @property
    def second(self) -> str:
        """The other side, whether it has closed or not."""
        return self.segments[0].toward

    @property
    def ladder(self) -> tuple[str, ...]:
        """Each segment with its sender's part in it, whichever host that was: ``first FA 1 ack 1``."""
        parts = ("first" if frame.source == self.first else "second" for frame in self.segments)
        rungs = self.connection.ladder(*self.segments)
        return tuple(f"{part} {rung}" for part, rung in zip(parts, rungs, strict=True))

    def sent_by(self, host: str) -> tuple[Frame, ...]:
        """What one side sent of it."""
        return tuple(frame for frame in self.segments if frame.source == host)

    def fins(self, host: str) -> tuple[Frame, ...]:
        """Every segment of a side's that carries its FIN: once, or again as long as it was not acknowledged."""
        return tuple(frame for frame in self.sent_by(host) if "F" in tcp_of(frame).flags)


def closed(connection: Connection) -> Closed | None:
    """How it ended; None when no side sent a FIN."""
    for place, frame in enumerate(connection.segments):
        if "F" in tcp_of(frame).flags:
            return Closed(connection, connection.segments[place:])
    return None


End = tuple[str, int]  # host and port


def connections(
    frames: Iterable[Frame], wanted: Callable[[Connection], bool] = lambda _: True
) -> tuple[Connection, ...]:
    """The connections in ``frames``, in the order in which they began. A new SYN on known ports begins a new one."""
    groups: list[tuple[End, End, list[Frame]]] = []
    current: dict[frozenset[End], int] = {}
    for frame in frames:
        if frame.tcp is None:
            continue
        source, toward = (frame.source, frame.tcp.source_port), (frame.toward, frame.tcp.destination_port)
        ends = frozenset((source, toward))
        if ends not in current or _begins_anew(frame, source, groups[current[ends]]):
            client, server = (toward, source) if has_flags(frame.tcp.flags, "SA") else (source, toward)
            current[ends] = len(groups)
            groups.append((client, server, []))
        groups[current[ends]][2].append(frame)
    made = (Connection(client[0], server[0], client[1], server[1], tuple(group)) for client, server, group in groups)
    return tuple(each for each in made if wanted(each))


def _begins_anew(frame: Frame, source: End, group: tuple[End, End, list[Frame]]) -> bool:
    """A SYN with another number than this side's before; a SYN from the other side is a simultaneous open at first."""
    if not has_flags(tcp_of(frame).flags, "S"):
        return False
    before = group[2]
    own = [each for each in before if each.source == source[0] and tcp_of(each).source_port == source[1]]
    if not own:
        return any(not has_flags(tcp_of(each).flags, "S") for each in before)
    return tcp_of(frame).seq not in {tcp_of(each).seq for each in own if "S" in tcp_of(each).flags}


class Opened(NamedTuple):
    """A connection whose handshake was seen to its end: the SYN that was answered, its SYN with ACK, and the ACK."""

    connection: Connection
    syn: Frame
    answer: Frame
    ack: Frame

    @property
    def mss(self) -> dict[str, int | None]:
        """The MSS that each side's SYN names, in bytes, by host."""
        return {syn.source: tcp_of(syn).options.mss for syn in (self.syn, self.answer)}

    @property
    def offers(self) -> dict[str, tuple[str, ...]]:
        """The options besides MSS that each side's SYN offers, by host; names as in Options.offered."""
        return {syn.source: tcp_of(syn).options.offered for syn in (self.syn, self.answer)}

    def lengths(self, host: str) -> tuple[int, ...] | None:
        """Bytes of data in each segment of a side, those that came again left out; None when it sent none."""
        again = self.connection.retransmissions or ()
        first = (each for each in self.connection.sent_by(host, data=True) or () if each not in again)
        return tuple(tcp_of(each).data_length for each in first) or None
