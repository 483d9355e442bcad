"""Evidence: what a run left on disk, and what a claim may ask of it.

    run = Evidence.load("runs/timewait/latest")
    run.connection(7001).closing.first              # a host
    run.host("server").time_in("TIME_WAIT")         # a Span, in seconds
    run.datagrams(to="client").map(len)             # Records

Instants are integers, in nanoseconds of the hosts' monotonic clock; lengths of time are seconds. A query for one thing
raises NotRecorded when there is none; a query for several gives Records, which may be empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from badwire.evidence.connection import Connection
from badwire.evidence.frames import Frame
from badwire.evidence.host import HostEvidence
from badwire.evidence.records import Records
from badwire.evidence.stream import Flags, streams
from badwire.evidence.wire import FaultPeriod, WireEvidence, select
from badwire.faults.fault import Fault
from badwire.linux.timers import KernelFacts
from badwire.packets.pcapng import Capture
from badwire.store import reader
from badwire.store.records import Call, Decision, Note, NotRecorded, Program, Record
from badwire.util.jsonlines import WIRE


@dataclass(frozen=True)
class Evidence:
    """The records of a run, or of its part from ``began`` to ``ended`` (ns; None: to the end)."""

    records: tuple[Record, ...] = field(repr=False)
    pcap: Capture = field(repr=False)
    began: int = 0
    ended: int | None = None
    _whole: "Evidence | None" = field(default=None, repr=False, compare=False)

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read a run's folder.

        Raises:
            BadRun: it cannot be read; the text says what is wrong and what to do.
        """
        return cls(reader.read_records(Path(folder)), reader.read_capture(Path(folder)))

    def write(self, folder: Path | str) -> None:
        """Write a run's folder, for evidence made by hand; a run's own is written as it happens."""
        reader.write(Path(folder), self.records, self.pcap)

    # The run

    @property
    def meta(self) -> Record:
        """What was run: scenario, substrate, engine, clock, seed, hosts with their addresses."""
        return self.records[0]

    @property
    def hosts(self) -> Mapping[str, str]:
        """Addresses by host."""
        hosts: Mapping[str, str] = self.meta.get("hosts", {})
        return hosts

    @property
    def error(self) -> str | None:
        """The sentence with which the run broke off; None when it ended well."""
        for record in reversed(self.records):
            if record["kind"] == "end":
                error: str | None = record.get("error")
                return error
        return "the run was cut short"

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What the scenario noted, in order."""
        return tuple(Note(record["t"], record["text"]) for record in self.records if record["kind"] == "note")

    def at(self, text: str) -> int:
        """When the scenario first noted ``text`` (ns). Raises NotRecorded when it did not."""
        for note in self.notes:
            if note.text == text and note.t >= self.began:
                return note.t
        raise NotRecorded.of('the scenario did not note "{text}"', text=text)

    def between(self, first: str, second: str) -> Self:
        """The part from one note to the next that says ``second``. Raises NotRecorded."""
        part = replace(self, began=self.at(first), _whole=self._whole or self)
        return replace(part, ended=part.at(second))

    def phase(self, text: str) -> Self:
        """The part from a note to the note after it, or to the end. Raises NotRecorded."""
        began = self.at(text)
        place = next(index for index, note in enumerate(self.notes) if note.text == text and note.t == began)
        following = self.notes[place + 1 : place + 2]
        ended = following[0].t if following else self.ended
        return replace(self, began=began, ended=ended, _whole=self._whole or self)

    def covers(self, t: int) -> bool:
        """Whether an instant (ns) lies in this part of the run."""
        return self.began <= t and (self.ended is None or t <= self.ended)

    # Hosts

    def host(self, name: str) -> HostEvidence:
        """What was recorded of a host. Raises NotRecorded when the run has no host of that name."""
        self._check(name)
        if name not in self._hosts:
            mine = (record for record in self.records if record.get("host") == name)
            self._hosts[name] = HostEvidence(name, mine, self.began, self.ended)
        return self._hosts[name]

    @cached_property
    def _hosts(self) -> dict[str, HostEvidence]:
        """Those that were asked about: to read thousands of samples takes time."""
        return {}

    @property
    def programs(self) -> Records[Program]:
        """The programs of all hosts, in the order in which they started."""
        found = [program for name in self.hosts for program in self.host(name).programs()]
        found.sort(key=lambda program: program.started or 0)
        return Records(found, "programs", "no program was recorded")

    def calls(self, call: str | None = None, port: int | None = None) -> Records[Call]:
        """Calls on the controlled sockets of all hosts, by when they began."""
        found = [each for name in self.hosts for each in self.host(name).calls(call, port=port)]
        found.sort(key=lambda each: each.began)
        return Records(found, "calls", "no {call} was recorded", call=call or "call")

    @property
    def sampling_interval(self) -> float:
        """The longest time, in seconds, within which a change of a host's sockets may have gone unseen.

        Raises NotRecorded when no host's sockets were sampled.
        """
        found = []
        for name in self.hosts:
            try:
                found.append(self.host(name).tables.sampling_interval)
            except NotRecorded:
                continue
        if not found:
            raise NotRecorded.of("no sample of any host's sockets was recorded")
        return max(found)

    @property
    def kernel(self) -> KernelFacts:
        """The kernel that all the hosts share. Raises NotRecorded."""
        facts = self.host(next(iter(self.hosts), "")).facts
        if facts.hz <= 0:
            raise NotRecorded.of("the kernel's HZ was not recorded")
        return KernelFacts(facts.release, facts.hz, facts.machine)

    # The wire

    @cached_property
    def wire(self) -> WireEvidence:
        """The frames and faults of the whole run."""
        if self._whole is not None:
            return self._whole.wire  # a frame that is sent in a part of the run may be delivered after it
        return WireEvidence(self.records, self.pcap, self.hosts)

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
    ) -> Records[Frame]:
        """Frames sent in this part of the run, in order, with their deliveries.

        Args:
            source: a host, or "wire" for what the wire itself sent.
            to: the host that the frame was for.
            port: of either end.
            flags: as in has_flags, or any of several.
            data: whether the segment or datagram carries any.
            protocol: as in Packet.protocol: "tcp", "udp", "icmp", "arp".
            after, before: instants of sending, in ns.
        """
        for name in (None if source == WIRE else source, to):
            if name is not None:
                self._check(name)
        return select(self._frames, source, to, port, flags, data, protocol, after, before)

    @cached_property
    def _frames(self) -> tuple[Frame, ...]:
        if self.began == 0 and self.ended is None:
            return self.wire.frames
        return tuple(frame for frame in self.wire.frames if self.covers(frame.sent_at))

    def segments(
        self,
        source: str | None = None,
        to: str | None = None,
        port: int | None = None,
        flags: Flags | None = None,
        data: bool | None = None,
    ) -> Records[Frame]:
        """TCP segments, selected as ``frames`` are."""
        return self.frames(source, to, port, flags, data, protocol="tcp")

    def datagrams(self, source: str | None = None, to: str | None = None, port: int | None = None) -> Records[Frame]:
        """UDP datagrams, selected as ``frames`` are."""
        return self.frames(source, to, port, protocol="udp")

    def faults(self, toward: str | None = None, kind: type[Fault] | None = None) -> Records[FaultPeriod]:
        """Faults that were in force in this part of the run."""
        if toward is not None:
            self._check(toward)
        found = [
            each
            for each in self.wire.faults
            if (toward is None or each.toward == toward)
            and (kind is None or isinstance(each.fault, kind))
            and (self.ended is None or each.began <= self.ended)
            and (each.ended is None or each.ended >= self.began)
        ]
        return Records(found, "faults", "no fault was recorded")

    def decisions(self, verdict: str | None = None) -> Records[Decision]:
        """What the relay did to frames in this part of the run: drop, hold, release, duplicate, corrupt, reorder."""
        found = [
            each for each in self.wire.decisions if self.covers(each.t) and (verdict is None or each.verdict == verdict)
        ]
        return Records(found, "decisions", "the relay decided nothing")

    @property
    def capture_is_complete(self) -> bool:
        """Whether every frame of the run was recorded: only then can "never" be said of frames."""
        return self.wire.capture_is_complete

    # Connections

    def connections(
        self, port: int | None = None, client: str | None = None, server: str | None = None
    ) -> Records[Connection]:
        """TCP connections in the order in which they began; ``port`` is the server's."""
        for name in (client, server):
            if name is not None:
                self._check(name)
        found = [
            each
            for each in self._connections
            if (port is None or each.server.port == port)
            and (client is None or each.client.host == client)
            and (server is None or each.server.host == server)
        ]
        if port is None:
            return Records(found, "connections", "no connection was recorded")
        return Records(found, "connections", "no connection to port {port} was recorded", port=port)

    def connection(self, port: int, nth: int = 1, client: str | None = None) -> Connection:
        """The ``nth`` connection to ``port``, opened or refused, counted from 1. Raises NotRecorded."""
        return self.connections(port, client).nth(nth)

    def established(self, port: int, client: str | None = None) -> Connection:
        """The first connection to ``port`` whose handshake was recorded to its end. Raises NotRecorded."""
        found = self.connections(port, client).where(lambda each: each.opened)
        if not found:
            raise NotRecorded.of("no complete handshake on port {port} was recorded", port=port)
        return found.first

    @cached_property
    def _connections(self) -> tuple[Connection, ...]:
        if self.began == 0 and self.ended is None:
            return tuple(Connection(stream, self) for stream in self.wire.streams)
        return tuple(Connection(stream, self) for stream in streams(self._frames))

    def served_side_by_side(self, port: int) -> int:
        """How many clients of ``port`` had their first answer before any of them left.

        Raises NotRecorded when none of them ever left.
        """
        found = self.connections(port)
        leaving = [fin.sent_at for each in found for fin in each.stream.sent(flags="F")[:1]]
        if not leaving:
            raise NotRecorded.of("no client of port {port} ever left", port=port)
        answers = [answer for each in found for answer in each.server.segments(data=True)[:1]]
        return sum(bool(answer.delivered_at) and answer.arrived < min(leaving) for answer in answers)

    def _check(self, name: str) -> None:
        """A misspelt host must not look like a host on which nothing happened."""
        if name not in self.hosts:
            raise NotRecorded.of("this run has no host {name}, only {hosts}", name=name, hosts=tuple(self.hosts))
