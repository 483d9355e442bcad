"""A TCP connection: its two sides, how it opened and closed, and the states of its sockets."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from badwire.evidence import arrivals, timeouts, windows
from badwire.evidence.congestion import Flow
from badwire.evidence.frames import Frame
from badwire.evidence.host import HostEvidence
from badwire.evidence.records import Records
from badwire.evidence.sockets import SocketSample, SocketTimeline
from badwire.evidence.stream import Flags, TcpStream, tcp_of
from badwire.evidence.timeouts import Unanswered
from badwire.evidence.windows import SentSegment, WindowUpdate
from badwire.store.records import NotRecorded


class Hosts(Protocol):
    """The part of a run from which a connection gets the sockets and calls of its ends."""

    def host(self, name: str) -> HostEvidence: ...


@dataclass(frozen=True)
class Side:
    """One end of a connection: its host, its port, the segments that it sent and its socket."""

    host: str
    port: int
    stream: TcpStream
    hosts: Hosts

    def segments(self, flags: Flags | None = None, data: bool | None = None) -> Records[Frame]:
        """The segments that it sent, in order.

        Args:
            flags: the TCP flags, such as "SA"; or several such sets, as in ("F", "R"), of which a segment has one.
            data: whether a segment carries data; None for any.
        """
        return self.stream.sent(self.host, flags, data)

    def _is_sender(self, frame: Frame) -> bool:
        return frame.source == self.host

    @property
    def data(self) -> bytes:
        """The bytes that it sent, each once, in the order of their sequence numbers."""
        return self.stream.data(self.host)

    @property
    def payload_lengths(self) -> Records[int]:
        """Bytes of data in each segment, retransmissions left out."""
        again = self.stream.retransmissions
        sent = self.segments(data=True)
        first_sendings = sent.where(lambda frame: frame not in again)
        return first_sendings.map(lambda frame: tcp_of(frame).data_length)

    @property
    def acknowledged(self) -> int:
        """The last sequence number that the other side acknowledged.

        Raises:
            NotRecorded: the other side acknowledged nothing.
        """
        return self.stream.acknowledged(self.host)

    @property
    def lost(self) -> Records[Frame]:
        """Its segments that never arrived."""
        return self.stream.lost.where(self._is_sender)

    @property
    def retransmissions(self) -> Records[Frame]:
        """Its segments any part of which it had sent before."""
        return self.stream.retransmissions.where(self._is_sender)

    @property
    def _peer_port(self) -> int:
        if self.host == self.stream.client:
            return self.stream.server_port
        return self.stream.client_port

    @property
    def _sockets(self) -> Records[SocketTimeline]:
        host = self.hosts.host(self.host)
        found = host.timelines(
            port=self.port,
            remote_port=self._peer_port,
            protocol="tcp",
        )
        return found.where(self._has_addresses)

    def _has_addresses(self, timeline: SocketTimeline) -> bool:
        """Whether a socket has the addresses of the segments: another one of the host may have the same ports."""
        addresses = self.stream.addresses_of(self.host)
        return addresses is None or addresses == (timeline.local[0], timeline.remote[0])

    @property
    def address(self) -> str:
        """Its address on this connection. Raises NotRecorded when its segments have none."""
        addresses = self.stream.addresses_of(self.host)
        if addresses is None:
            raise NotRecorded.of("no segment of this connection has addresses")
        return addresses[0]

    @property
    def socket(self) -> SocketTimeline:
        """Its socket, as the samples show it. Raises NotRecorded when no sample shows it."""
        return self._sockets.first

    @property
    def states(self) -> Records[str]:
        """The states of its socket that samples show, in order. Raises NotRecorded when no sample shows it."""
        return self.socket.states

    @cached_property
    def flow(self) -> Flow:
        """Its data in flight: flights, duplicate ACKs, congestion window."""
        found = self._sockets
        if found:
            return Flow(self.stream, self.host, found.first.samples)
        no_samples: Records[SocketSample] = Records((), "samples", found.what)
        return Flow(self.stream, self.host, no_samples)

    @property
    def flight_sizes(self) -> Records[int]:
        """How many segments each of its flights has."""
        return self.flow.flight_sizes

    def sent_against_window(self, data: bool | None = True) -> Records[SentSegment]:
        """The segments that it sent, each with the last window that it knew; by default those with data."""
        return windows.sent_against_window(self.stream, self.host, data)

    @property
    def sent_against_zero_window(self) -> Records[SentSegment]:
        """The segments that it sent while the last window that had arrived was zero."""
        return windows.sent_against_zero_window(self.stream, self.host)

    @property
    def first_after_zero_window(self) -> SentSegment:
        """The first data that it sent when the window had opened again. Raises NotRecorded when it sent none."""
        return windows.first_after_zero_window(self.stream, self.host)

    @property
    def windows(self) -> Records[WindowUpdate]:
        """The windows that it announced, including those that never arrived."""
        return windows.window_updates(self.stream, self.host)

    @property
    def ack_delays(self) -> Records[float]:
        """For each of its segments with data: seconds from its arrival until the other side acknowledged it."""
        return windows.ack_delays(self.stream, self.host)

    def next_wanted(self, t: int) -> int:
        """The sequence number that it expects next at ``t`` (ns): the first one that has not arrived."""
        return windows.next_wanted(self.stream, self.host, t)

    @property
    def arrived_early(self) -> int:
        """How many of its segments arrived before a byte that precedes them. Raises NotRecorded without data."""
        return arrivals.arrived_early(self.stream, self.host)

    @property
    def arrived_again(self) -> int:
        """How many of its segments brought only bytes that had arrived before. Raises NotRecorded without data."""
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
        return {
            self.syn.source: tcp_of(self.syn).options.mss,
            self.syn_ack.source: tcp_of(self.syn_ack).options.mss,
        }

    @property
    def options(self) -> dict[str, tuple[str, ...]]:
        """The options besides the MSS that each side's SYN offers, by host."""
        return {
            self.syn.source: tcp_of(self.syn).options.offered,
            self.syn_ack.source: tcp_of(self.syn_ack).options.offered,
        }


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
        """Each segment as text, which begins with "first" or "second", by which side closed: ``first FA 1 ack 1``.

        A reset that the wire sent begins with "wire".
        """
        lines = self.stream.summary(self.segments)
        found = []
        for frame, line in zip(self.segments, lines, strict=True):
            sender = {self.first: "first", self.second: "second"}.get(frame.source, frame.source)
            found.append(f"{sender} {line}")
        return tuple(found)

    @property
    def exchange(self) -> tuple[str, ...]:
        """As ``summary``, each line once, up to the segment that acknowledges the second side's FIN.

        On a busy machine an ACK may come so late that a FIN is sent again, and is answered again.
        """
        lines: list[str] = []
        second_fin: int | None = None
        for frame, line in zip(self.segments, self.summary, strict=True):
            if line not in lines:
                lines.append(line)
            sent_by_second = frame.source == self.second
            if sent_by_second and "F" in tcp_of(frame).flags:
                second_fin = self.stream.end(frame)
            if not sent_by_second and self.stream.ack(frame) == second_fin:
                break
        return tuple(lines)

    def sent_by(self, host: str) -> Records[Frame]:
        """The segments that one host sent."""
        return self.segments.where(lambda frame: frame.source == host)

    def fins(self, host: str) -> Records[Frame]:
        """Every segment with a host's FIN: the first, and its retransmissions."""
        sent = self.sent_by(host)
        return sent.where(lambda frame: "F" in tcp_of(frame).flags)


@dataclass(frozen=True)
class Connection:
    """One TCP connection. The client is the side that sent the first SYN."""

    stream: TcpStream
    hosts: Hosts

    @cached_property
    def client(self) -> Side:
        """The side that sent the first SYN."""
        return Side(
            host=self.stream.client,
            port=self.stream.client_port,
            stream=self.stream,
            hosts=self.hosts,
        )

    @cached_property
    def server(self) -> Side:
        """The side that received the first SYN."""
        return Side(
            host=self.stream.server,
            port=self.stream.server_port,
            stream=self.stream,
            hosts=self.hosts,
        )

    @property
    def sides(self) -> tuple[Side, Side]:
        """Client and server."""
        return self.client, self.server

    def side(self, host: str) -> Side:
        """The side of a host. Raises NotRecorded when the host has no part in this connection."""
        for each in self.sides:
            if each.host == host:
                return each
        raise NotRecorded.of(
            "{host} has no part in the connection to port {port}",
            host=host,
            port=self.server.port,
        )

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
        for index, frame in enumerate(self.segments):
            if "F" in tcp_of(frame).flags:
                return Closing(self.stream, self.segments[index:])
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
        """Seconds from the SYN's sending to the arrival of its answer. Raises NotRecorded when no answer arrived."""
        return self.stream.round_trip

    def summary(self, frames: Frame | Iterable[Frame] | None = None) -> tuple[str, ...]:
        """Segments as flags, first number and acknowledgment: ``SA 0 ack 1``.

        Args:
            frames: one segment or several; None for all segments of the connection.
        """
        if frames is None:
            frames = self.stream.frames
        elif isinstance(frames, Frame):
            frames = [frames]
        return self.stream.summary(frames)

    def summaries(self, frames: Records[Frame]) -> Records[str]:
        """The summary of each of these segments, as Records: a check on empty Records is UNKNOWN."""
        return frames.map(lambda frame: self.summary(frame)[0])

    @property
    def unanswered(self) -> Unanswered:
        """The segments that the client, a controlled socket, sent without an answer.

        Raises:
            NotRecorded: all of them arrived, or the client's calls or socket were not recorded.
        """
        host = self.hosts.host(self.client.host)
        connect = host.call("connect", port=self.server.port)
        socket = self.client.socket
        calls = host.calls(socket=connect.socket)
        return timeouts.unanswered(self.stream, socket, calls)
