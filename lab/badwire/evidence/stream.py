"""The segments of one TCP connection, in the order of their sending, with numbers counted from its SYNs.

``TcpStream`` has the segments only. ``badwire.evidence.connection`` adds the sockets and calls of both ends.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from badwire.evidence.frames import Frame
from badwire.evidence.provenance import noted
from badwire.evidence.records import Records
from badwire.evidence.selection import selects
from badwire.packets.packet import Tcp, relative
from badwire.packets.tcp_flags import has_flags
from badwire.store.records import NS, NotRecorded
from badwire.util.jsonlines import WIRE

Flags = str | tuple[str, ...]
Endpoint = tuple[str, int]  # a host, or its address, and a port


def tcp_of(frame: Frame) -> Tcp:
    """The segment in a frame. Raises ValueError for a frame that carries none."""
    if frame.tcp is None:
        raise ValueError("the frame carries no TCP segment")
    return frame.tcp


def matches(frame: Frame, flags: Flags | None, data: bool | None) -> bool:
    """Whether a segment has these flags, or one of several sets of flags, and whether it carries data."""
    segment = tcp_of(frame)
    has_data = segment.data_length > 0
    if not selects(data, has_data):
        return False
    if flags is None:
        return True
    wanted = (flags,) if isinstance(flags, str) else flags
    return any(has_flags(segment.flags, alternative) for alternative in wanted)


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

    def addresses_of(self, host: str) -> tuple[str, str] | None:
        """The address of a host, and that of the other end; None if the segments have no addresses."""
        for frame in self.frames:
            if frame.ip is not None:
                ends = (frame.ip.source, frame.ip.destination)
                return ends if self._side_of(frame) == host else (ends[1], ends[0])
        return None

    def sent(
        self,
        host: str | None = None,
        flags: Flags | None = None,
        data: bool | None = None,
    ) -> Records[Frame]:
        """Segments in the order of their sending.

        Args:
            host: the sender; None for both sides.
            flags: the TCP flags, as in has_flags; or several of these, of which the segment has one.
            data: whether the segment carries data; None for any.
        """
        found = []
        for frame in self.frames:
            if selects(host, frame.source) and matches(frame, flags, data):
                found.append(frame)
        noted(found)
        return Records(
            found,
            "segments",
            "no {kind} of {sender} were recorded on port {port}",
            kind=_kind(flags, data),
            sender=host or "either side",
            port=self.server_port,
        )

    def seq(self, frame: Frame) -> int:
        """SEG.SEQ counted from the sender's initial number: the SYN is 0, the first byte of data 1."""
        start = self._starts[self._side_of(frame)]
        return relative(tcp_of(frame).seq, start)

    def ack(self, frame: Frame) -> int:
        """SEG.ACK counted from the initial number of the side that it acknowledges."""
        start = self._starts[frame.toward]
        return relative(tcp_of(frame).ack, start)

    def end(self, frame: Frame) -> int:
        """The first sequence number after the segment, counted as ``seq`` counts."""
        length = tcp_of(frame).length
        return self.seq(frame) + length

    def acknowledged(self, host: str) -> int:
        """The last sequence number that the other side acknowledged to ``host``.

        Raises:
            NotRecorded: it acknowledged nothing.
        """
        for frame in reversed(self.frames):
            if frame.toward == host and "A" in tcp_of(frame).flags:
                noted([frame])
                return self.ack(frame)
        raise NotRecorded.of(
            "nothing that {host} sent on port {port} was acknowledged",
            host=host,
            port=self.server_port,
        )

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
        return Records(
            found,
            "segments",
            "every segment on port {port} arrived",
            port=self.server_port,
        )

    @property
    def retransmissions(self) -> Records[Frame]:
        """Segments any part of which (data, SYN or FIN) the same side had sent before."""
        noted(self._retransmissions)
        return Records(
            self._retransmissions,
            "segments",
            "no segment on port {port} was retransmitted",
            port=self.server_port,
        )

    @cached_property
    def _retransmissions(self) -> tuple[Frame, ...]:
        again: list[Frame] = []
        highest: dict[str, int] = {}
        for frame in self.frames:
            if tcp_of(frame).length == 0:
                continue  # a bare ACK, a keepalive and a window probe take no sequence number
            sent_so_far = highest.get(frame.source, 0)
            if self.seq(frame) < sent_so_far:
                again.append(frame)
            highest[frame.source] = max(sent_so_far, self.end(frame))
        return tuple(again)

    def sendings(self, frame: Frame) -> Records[Frame]:
        """Every segment that carries the first sequence number of ``frame``: the first one and its retransmissions."""
        number = self.seq(frame)
        found = []
        for other in self.frames:
            if other.source != frame.source:
                continue
            if self.seq(other) <= number < self.end(other):
                found.append(other)
        noted(found)
        return Records(
            found,
            "segments",
            "number {number} was not sent on port {port}",
            number=number,
            port=self.server_port,
        )

    @property
    def handshake(self) -> tuple[Frame, Frame, Frame] | None:
        """The SYN that was answered, its SYN with ACK, and the ACK that ends the handshake; None without all three."""
        answered = self._answered("SA")
        if answered is None:
            return None
        for frame in answered.after:
            if self._is(frame, self.client, "A"):
                handshake = (answered.syn, answered.answer, frame)
                noted(handshake)
                return handshake
        return None

    def _is(self, frame: Frame, sender: str, flags: str) -> bool:
        if frame.source != sender:
            return False
        segment = tcp_of(frame)
        return has_flags(segment.flags, flags)

    @property
    def round_trip(self) -> float:
        """Seconds from the SYN's sending to the arrival of its answer, SYN with ACK or RST.

        Raises:
            NotRecorded: no answer to a SYN arrived.
        """
        flags = "SA" if self.sent(self.server, "SA") else "R"
        answered = self._answered(flags)
        if answered is None or not answered.answer.delivered_at:
            raise NotRecorded.of(
                "no answer to a SYN arrived on port {port}",
                port=self.server_port,
            )
        return (answered.answer.arrived - answered.syn.sent_at) / NS

    def _answered(self, flags: str) -> "_Answered | None":
        """The server's first segment with these flags, and the last SYN before it; None without either.

        The order is that of the capture, since on the virtual clock all of them may have the same time.
        """
        syn: Frame | None = None
        for index, frame in enumerate(self.frames):
            if self._is(frame, self.server, flags):
                if syn is None:
                    return None
                after = self.frames[index + 1 :]
                return _Answered(syn, frame, after)
            if self._is(frame, self.client, "S"):
                syn = frame
        return None

    def data(self, host: str) -> bytes:
        """The bytes that a side sent, each once, in the order of their numbers; gaps are left out. Raises NotRecorded
        if the capture cut a segment.
        """
        sent: dict[int, bytes] = {}
        for frame in self.sent(host, data=True):
            number = self.seq(frame)
            sent[number] = frame.payload
        stream = bytearray()
        end = min(sent, default=0)
        for number in sorted(sent):
            data = sent[number]
            repeated = max(0, end - number)
            stream += data[repeated:]
            end = max(end, number + len(data))
        return bytes(stream)

    def _side_of(self, frame: Frame) -> str:
        """The host that sent a segment; of a reset that the wire sent, the one whose address it has."""
        return self.other(frame.toward) if frame.source == WIRE else frame.source

    @cached_property
    def _starts(self) -> dict[str, int]:
        """Each side's initial sequence number, from its first segment: the number of a SYN or an RST, else the number
        before the segment's.
        """
        starts: dict[str, int] = {}
        for frame in self.frames:
            if frame.source == WIRE:
                continue
            segment = tcp_of(frame)
            start = segment.seq
            if "S" not in segment.flags and "R" not in segment.flags:
                start = _before(start)
            starts.setdefault(frame.source, start)
        for frame in self.frames:  # of a side that never sent, only the acknowledgments to it are known
            acknowledged = tcp_of(frame).ack
            starts.setdefault(frame.toward, _before(acknowledged))
        return starts


class _Answered(NamedTuple):
    """A SYN, its answer, and all segments of the connection after the answer."""

    syn: Frame
    answer: Frame
    after: tuple[Frame, ...]


def _before(number: int) -> int:
    """The sequence number before this one."""
    return (number - 1) % 2**32


def _kind(flags: Flags | None, data: bool | None) -> str:
    """The plural noun for segments with these flags, or with data."""
    if data:
        return "segments with data"
    if flags is None:
        return "segments"
    if isinstance(flags, str):
        return f"{flags} segments"
    alternatives = " or ".join(flags)
    return f"{alternatives} segments"


@dataclass(frozen=True)
class _Group:
    """The frames of one connection while they are collected."""

    client: Endpoint
    server: Endpoint
    frames: list[Frame] = field(default_factory=list)

    def stream(self) -> TcpStream:
        client, client_port = self.client
        server, server_port = self.server
        return TcpStream(
            client=client,
            server=server,
            client_port=client_port,
            server_port=server_port,
            frames=tuple(self.frames),
        )


def streams(frames: Iterable[Frame]) -> tuple[TcpStream, ...]:
    """The connections in ``frames``, in the order in which they began. A new SYN on known ports begins a new one."""
    groups: list[_Group] = []
    current: dict[frozenset[Endpoint], _Group] = {}
    for frame in frames:
        segment = frame.decoded.tcp
        if segment is None:
            continue
        source = (frame.source, segment.source_port)
        toward = (frame.toward, segment.destination_port)
        endpoints = _endpoints(frame, source, toward)
        group = current.get(endpoints)
        if group is None or _begins_anew(frame, source, group.frames):
            is_answer = has_flags(segment.flags, "SA")
            group = _Group(toward, source) if is_answer else _Group(source, toward)
            current[endpoints] = group
            groups.append(group)
        group.frames.append(frame)
    return tuple(group.stream() for group in groups)


def _endpoints(frame: Frame, source: Endpoint, toward: Endpoint) -> frozenset[Endpoint]:
    """Both ends, by their addresses: connections over IPv4 and IPv6 may have the same ports.

    By their hosts only in frames without addresses, since a reset that the wire sends has the address of an end.
    """
    if frame.ip is None:
        return frozenset((source, toward))
    (_, source_port), (_, destination_port) = source, toward
    return frozenset(((frame.ip.source, source_port), (frame.ip.destination, destination_port)))


def _begins_anew(frame: Frame, source: Endpoint, before: list[Frame]) -> bool:
    """Whether a segment begins a new connection: a SYN with another number than this side's SYNs before.

    A SYN from the other side is at first one of a simultaneous open.
    """
    if not has_flags(tcp_of(frame).flags, "S"):
        return False
    same_side = [tcp_of(each) for each in before if _sender(each) == source]
    if not same_side:
        only_syns = all(has_flags(tcp_of(each).flags, "S") for each in before)
        return not only_syns
    syn_numbers = [segment.seq for segment in same_side if "S" in segment.flags]
    return tcp_of(frame).seq not in syn_numbers


def _sender(frame: Frame) -> Endpoint:
    """The host and the port that sent a segment."""
    return frame.source, tcp_of(frame).source_port
