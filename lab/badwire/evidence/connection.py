"""A TCP connection as a claim asks about it: its two sides, how it opened and closed, what its sockets went through."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from badwire.evidence import arrivals, timeouts, windows
from badwire.evidence.congestion import Flow
from badwire.evidence.frames import Frame
from badwire.evidence.host import HostEvidence
from badwire.evidence.records import Records
from badwire.evidence.sockets import SocketTimeline
from badwire.evidence.stream import Flags, TcpStream, tcp_of
from badwire.evidence.timeouts import Unanswered
from badwire.evidence.windows import SentSegment, WindowUpdate
from badwire.store.records import NotRecorded


class Hosts(Protocol):
    """Where a connection finds the sockets and calls of its ends."""

    def host(self, name: str) -> HostEvidence: ...


@dataclass(frozen=True)
class Side:
    """One end of a connection: its host, its port, what it sent and what its kernel kept."""

    host: str
    port: int
    stream: TcpStream
    hosts: Hosts

    def segments(self, flags: Flags | None = None, data: bool | None = None) -> Records[Frame]:
        """What it sent, by flags (``"S"``, ``"SA"``, ``("F", "R")``: any of them) and by whether it carries data."""
        return self.stream.sent(self.host, flags, data)

    @property
    def data(self) -> bytes:
        """The bytes that it sent, each once, in the order of their numbers."""
        return self.stream.data(self.host)

    @property
    def payload_lengths(self) -> Records[int]:
        """Bytes of data in each segment, retransmissions left out."""
        again = self.stream.retransmissions
        first = self.segments(data=True).where(lambda frame: frame not in again)
        return first.map(lambda frame: tcp_of(frame).data_length)

    @property
    def acknowledged(self) -> int:
        """The number that the other side wants next in the end. Raises NotRecorded."""
        return self.stream.acknowledged(self.host)

    @property
    def lost(self) -> Records[Frame]:
        """Its segments that never arrived."""
        return self.stream.lost.where(lambda frame: frame.source == self.host)

    @property
    def retransmissions(self) -> Records[Frame]:
        """Its segments any part of which it had sent before."""
        return self.stream.retransmissions.where(lambda frame: frame.source == self.host)

    @property
    def socket(self) -> SocketTimeline:
        """Its socket as samples show it. Raises NotRecorded when no sample does."""
        peer = self.stream.server_port if self.host == self.stream.client else self.stream.client_port
        found = self.hosts.host(self.host).timelines(port=self.port, remote_port=peer, protocol="tcp")
        return found.first

    @property
    def states(self) -> Records[str]:
        """The states that its socket went through, as far as samples show them. Raises NotRecorded."""
        return self.socket.states

    @cached_property
    def flow(self) -> Flow:
        """Its data in flight: flights, duplicate ACKs, congestion window."""
        peer = self.stream.server_port if self.host == self.stream.client else self.stream.client_port
        found = self.hosts.host(self.host).timelines(port=self.port, remote_port=peer, protocol="tcp")
        samples = found[0].samples if found else Records((), "samples", found.what)
        return Flow(self.stream, self.host, samples)

    @property
    def flight_sizes(self) -> Records[int]:
        """How many segments each of its flights has."""
        return self.flow.flight_sizes

    def sent_against_window(self, data: bool | None = True) -> Records[SentSegment]:
        """What it sent, each segment with the window that it knew of; by default those with data."""
        return windows.sent_against_window(self.stream, self.host, data)

    @property
    def sent_against_zero_window(self) -> Records[SentSegment]:
        """What it sent while the last window that had arrived was zero."""
        return windows.sent_against_zero_window(self.stream, self.host)

    @property
    def first_after_zero_window(self) -> SentSegment:
        """The first data that it sent when the window had opened again. Raises NotRecorded."""
        return windows.first_after_zero_window(self.stream, self.host)

    @property
    def windows(self) -> Records[WindowUpdate]:
        """The windows that it announced, those that never arrived too."""
        return windows.window_updates(self.stream, self.host)

    @property
    def ack_delays(self) -> Records[float]:
        """For each of its segments with data: seconds from its arrival until the other side acknowledged it."""
        return windows.ack_delays(self.stream, self.host)

    def next_wanted(self, t: int) -> int:
        """The number that it waits for at ``t`` (ns): the first one behind all that has arrived without a gap."""
        return windows.next_wanted(self.stream, self.host, t)

    @property
    def arrived_early(self) -> int:
        """How many of its segments arrived before one that belongs in front of them. Raises NotRecorded."""
        return arrivals.arrived_early(self.stream, self.host)

    @property
    def arrived_again(self) -> int:
        """How many of its segments brought no byte that had not arrived before. Raises NotRecorded."""
        return arrivals.arrived_again(self.stream, self.host)


@dataclass(frozen=True)
class Opening:
    """The three segments that opened a connection: the SYN that was answered, its answer, and the ACK."""

    syn: Frame
    syn_ack: Frame
    ack: Frame

    @property
    def segments(self) -> Records[Frame]:
        """All three."""
        return Records((self.syn, self.syn_ack, self.ack), "segments")

    @property
    def mss(self) -> dict[str, int | None]:
        """The MSS that each side's SYN names, in bytes, by host."""
        return {syn.source: tcp_of(syn).options.mss for syn in (self.syn, self.syn_ack)}

    @property
    def options(self) -> dict[str, tuple[str, ...]]:
        """The options besides the MSS that each side's SYN offers, by host."""
        return {syn.source: tcp_of(syn).options.offered for syn in (self.syn, self.syn_ack)}


@dataclass(frozen=True)
class Closing:
    """How a connection ended: the first FIN and all segments after it."""

    stream: TcpStream
    segments: Records[Frame]

    @property
    def first(self) -> str:
        """The host that sent the first FIN."""
        return self.segments.first.source

    @property
    def second(self) -> str:
        """The other host, whether it closed or not."""
        return self.segments.first.toward

    @property
    def summary(self) -> tuple[str, ...]:
        """Each segment with its sender's part in it, whichever host that was: ``first FA 1 ack 1``."""
        parts = ["first" if frame.source == self.first else "second" for frame in self.segments]
        lines = self.stream.summary(self.segments)
        return tuple(f"{part} {line}" for part, line in zip(parts, lines, strict=True))

    def sent_by(self, host: str) -> Records[Frame]:
        """What one host sent of it."""
        return self.segments.where(lambda frame: frame.source == host)

    def fins(self, host: str) -> Records[Frame]:
        """Every segment with a host's FIN: the first, and its retransmissions."""
        return self.sent_by(host).where(lambda frame: "F" in tcp_of(frame).flags)


@dataclass(frozen=True)
class Connection:
    """One TCP connection. The client is the side that sent the first SYN."""

    stream: TcpStream
    hosts: Hosts

    @cached_property
    def client(self) -> Side:
        """The side that sent the first SYN."""
        return Side(self.stream.client, self.stream.client_port, self.stream, self.hosts)

    @cached_property
    def server(self) -> Side:
        """The side that got it."""
        return Side(self.stream.server, self.stream.server_port, self.stream, self.hosts)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Client and server."""
        return self.client, self.server

    def side(self, host: str) -> Side:
        """The side of a host. Raises NotRecorded when the host has no part in this connection."""
        for each in self.sides:
            if each.host == host:
                return each
        raise NotRecorded.of("{host} has no part in the connection to port {port}", host=host, port=self.server.port)

    @property
    def segments(self) -> Records[Frame]:
        """All of its segments, in the order of their sending."""
        return self.stream.sent()

    @property
    def opened(self) -> bool:
        """Whether its three-way handshake was recorded to its end."""
        return self.stream.handshake is not None

    @property
    def opening(self) -> Opening:
        """The segments that opened it. Raises NotRecorded without a complete handshake."""
        handshake = self.stream.handshake
        if handshake is None:
            raise NotRecorded.of("no complete handshake on port {port} was recorded", port=self.server.port)
        return Opening(*handshake)

    @property
    def closing(self) -> Closing:
        """How it ended. Raises NotRecorded when no side sent a FIN."""
        for place, frame in enumerate(self.segments):
            if "F" in tcp_of(frame).flags:
                return Closing(self.stream, self.segments[place:])
        raise NotRecorded.of("no side of the connection to port {port} sent a FIN", port=self.server.port)

    @property
    def lost(self) -> Records[Frame]:
        """Its segments that never arrived."""
        return self.stream.lost

    @property
    def retransmissions(self) -> Records[Frame]:
        """Its segments any part of which the same side had sent before."""
        return self.stream.retransmissions

    def sendings(self, frame: Frame) -> Records[Frame]:
        """Every segment with the first number of ``frame``: the first sending and its retransmissions."""
        return self.stream.sendings(frame)

    @property
    def round_trip(self) -> float:
        """Seconds from the SYN's sending to the arrival of its answer. Raises NotRecorded."""
        return self.stream.round_trip

    def summary(self, frames: Frame | Iterable[Frame] | None = None) -> tuple[str, ...]:
        """Segments as flags, first number and acknowledgment: ``SA 0 ack 1``.

        Args:
            frames: one segment or several; all of the connection where it is left out.
        """
        if frames is None:
            return self.stream.summary(self.stream.frames)
        return self.stream.summary([frames] if isinstance(frames, Frame) else frames)

    def summaries(self, frames: Records[Frame]) -> Records[str]:
        """The same for recorded segments; where there are none, a check on it is UNKNOWN."""
        return frames.map(lambda frame: self.summary(frame)[0])

    @property
    def unanswered(self) -> Unanswered:
        """What the client, a controlled socket, sent without an answer. Raises NotRecorded."""
        host = self.hosts.host(self.client.host)
        number = host.call("connect", port=self.server.port).socket
        return timeouts.unanswered(self.stream, self.client.socket, host.calls(socket=number))
