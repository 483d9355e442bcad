"""What a claim may ask about the wire: frames, connections, faults, and whether the capture is whole."""

from functools import cached_property
from typing import Any

from lab import seen_faults
from lab.agent.messages import WIRE
from lab.packets import has_flags
from lab.seen_closed import Closed, closed
from lab.seen_connections import Connection
from lab.seen_frames import Frame
from lab.seen_groups import connections
from lab.seen_joined import join
from lab.seen_opened import Opened
from lab.seen_records import Decision, Facts, FaultSeen, NothingSeen
from lab.seen_run import Run
from lab.witness import given

Flags = str | tuple[str, ...]


class OnTheWire(Run):
    """Queries about frames; each selects by all of the arguments that are given."""

    def frames(
        self,
        source: str | None = None,
        to: str | None = None,
        port: int | None = None,
        flags: Flags | None = None,
        data: bool | None = None,
        protocol: str | None = None,
        after: int | None = None,
        before: int | None = None,
    ) -> tuple[Frame, ...] | None:
        """Frames sent, in order, with their deliveries.

        ``source`` is a host, or "wire" for what the wire itself sent. ``port`` is that of either end; ``flags`` as in
        has_flags, or any of several; ``data`` whether the segment or datagram carries any; ``after`` and ``before`` are
        times of sending (ns); ``protocol`` as in Packet.protocol.
        """
        self._known(None if source == WIRE else source, to)
        any_of = (flags,) if isinstance(flags, str) else flags
        found = tuple(
            frame
            for frame in self._frames
            if (source is None or frame.source == source)
            and (to is None or frame.toward == to)
            and (after is None or frame.sent_at > after)
            and (before is None or frame.sent_at < before)
            and (protocol is None or frame.packet.protocol == protocol)
            and (port is None or port in (frame.packet.ports or ()))
            and (any_of is None or (frame.tcp and any(has_flags(frame.tcp.flags, each) for each in any_of)))
            and (data is None or data is frame.carries_data)
        )
        given(found)
        return found or None

    def segments(self, source: str | None = None, to: str | None = None, **how: Any) -> tuple[Frame, ...] | None:
        """TCP segments; the other selections are those of ``frames``."""
        return self.frames(source, to, protocol="tcp", **how)

    def datagrams(self, source: str | None = None, to: str | None = None, **how: Any) -> tuple[Frame, ...] | None:
        """UDP datagrams; the other selections are those of ``frames``."""
        return self.frames(source, to, protocol="udp", **how)

    def connections(
        self, port: int | None = None, client: str | None = None, server: str | None = None
    ) -> tuple[Connection, ...] | None:
        """TCP connections in the order in which they began; ``port`` is the server's."""
        self._known(client, server)
        found = tuple(
            each
            for each in self._connections
            if (port is None or each.server_port == port)
            and (client is None or each.client == client)
            and (server is None or each.server == server)
        )
        return found or None

    def connection(
        self, port: int | None = None, client: str | None = None, server: str | None = None
    ) -> Connection | None:
        """The first of them."""
        return (self.connections(port, client, server) or (None,))[0]

    def side_by_side(self, port: int) -> int | None:
        """How many clients of ``port`` had their first answer before any of them left; None when none ever left."""
        tried = self.connections(port) or ()
        leaving = [each.first_fin.sent_at for each in tried if each.first_fin]
        answers = [each.first(each.server, data=True) for each in tried]
        served = [each for each in answers if each and each.delivered_at and each.arrived < min(leaving, default=0)]
        return len(served) if leaving else None

    def tried(self, port: int, client: str | None = None, number: int = 0) -> Connection:
        """The first connection to ``port``, opened or refused, or one ``number`` later; NothingSeen without it."""
        found = self.connections(port, client) or ()
        if number >= len(found):
            raise NothingSeen(f"only {len(found)} connections to port {port} were tried")
        return found[number]

    def opened(self, port: int, client: str | None = None) -> Opened:
        """The first connection to ``port``, and the segments that opened it; NothingSeen without a whole handshake."""
        found = next((each for each in self.connections(port, client) or () if each.handshake), None)
        if found is None or found.handshake is None:
            raise NothingSeen(f"no whole handshake with port {port} is on record")
        return Opened(found, *found.handshake)

    def closed(self, port: int, client: str | None = None, number: int = 0) -> Closed:
        """How a connection to ``port`` ended, the first or a later one; NothingSeen when no side sent a FIN."""
        found = closed(self.tried(port, client, number))
        if found is None:
            raise NothingSeen(f"no side of the connection with port {port} sent a FIN")
        return found

    def faults(self, toward: str | None = None, name: str | None = None) -> tuple[FaultSeen, ...] | None:
        """Faults that were in force at any time, with when and where."""
        self._known(toward)
        found = [
            each
            for each in self._faults
            if (toward is None or each.toward == toward)
            and (name is None or each.name == name)
            and (self.ended is None or each.began <= self.ended)
            and (each.ended is None or each.ended >= self.began)
        ]
        return tuple(found) or None

    def decisions(
        self, toward: str | None = None, fault: str | None = None, verdict: str | None = None
    ) -> tuple[Decision, ...] | None:
        """What the relay logged: drop, hold, keep, release, duplicate, corrupt, reorder."""
        self._known(toward)
        found = [
            each
            for each in self._decisions
            if self.covers(each.t)
            and (toward is None or each.toward == toward)
            and (fault is None or each.fault == fault)
            and (verdict is None or each.verdict == verdict)
        ]
        return tuple(found) or None

    @property
    def capture_end(self) -> int | None:
        """When the capture ended (ns)."""
        last = self._last("capture")
        return None if last is None else int(last["t"])

    @property
    def capture_lost(self) -> int | None:
        """How many frames the capture could not keep; None when nobody counted."""
        last = self._last("capture")
        if last is None or last.get("dropped") is None:
            return None
        return max(int(last["dropped"]), self.pcap.dropped or 0, int(last["frames"]) - len(self.pcap.frames))

    @property
    def capture_whole(self) -> bool:
        """Whether every frame of the run is on record: only then can "never" be said of frames."""
        return self.capture_lost == 0 and self.pcap.whole and bool(self.pcap.frames)

    @cached_property
    def _connections(self) -> tuple[Connection, ...]:
        return connections(self._frames)

    @cached_property
    def _decisions(self) -> tuple[Decision, ...]:
        return tuple(
            Decision(r["t"], r["toward"], r["fault"], r["verdict"], r["frame"]) for r in self._kind("decision")
        )

    @cached_property
    def _faults(self) -> tuple[FaultSeen, ...]:
        return seen_faults.faults(self._kind("fault"))

    @cached_property
    def _joined(self) -> tuple[Frame, ...]:
        if isinstance(self.run, OnTheWire):
            return self.run._joined  # a frame that is sent in a part of the run may be delivered after it
        macs = {facts.mac: facts.host for facts in map(Facts.of, self._kind("facts")) if facts.mac}
        addresses = {address: host for host, address in self.hosts.items()}
        return join(self.pcap.frames, self.hosts, macs, addresses, self._decisions)

    @cached_property
    def _frames(self) -> tuple[Frame, ...]:
        return tuple(frame for frame in self._joined if self.covers(frame.sent_at))
