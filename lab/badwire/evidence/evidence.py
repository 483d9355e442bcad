"""Evidence: the records that a run left on disk, and the queries that claims make of them.

    run = Evidence.load("runs/timewait/latest")
    run.connection(7001).closing.first              # a host
    run.host("server").time_in("TIME_WAIT")         # a Span, in seconds
    run.datagrams(to="client").map(len)             # Records

Instants are integers, in nanoseconds of the hosts' monotonic clock; durations are in seconds. A query for one thing
raises NotRecorded when there is none; a query for several things returns Records, which may be empty.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, NoReturn, Self

from badwire.evidence.connection import Connection
from badwire.evidence.frames import Frame
from badwire.evidence.hidden import may_hide, unread
from badwire.evidence.host import HostEvidence
from badwire.evidence.provenance import noted
from badwire.evidence.reassembly import Reassembled, reassemble
from badwire.evidence.records import Records
from badwire.evidence.selection import is_within, selects
from badwire.evidence.stream import Flags, streams
from badwire.evidence.wire import FaultPeriod, FrameSelection, WireEvidence, incomplete_datagrams, unread_kinds
from badwire.faults.fault import Fault
from badwire.linux.timers import KernelFacts
from badwire.packets.pcapng import CaptureFile
from badwire.store import reader
from badwire.store.recorder import EVIDENCE
from badwire.store.records import LOOPBACK_PACKETS, Call, Decision, Note, NotRecorded, Program, Record, missing_records
from badwire.store.sampled_table import gaps
from badwire.util.jsonlines import WIRE


@dataclass(frozen=True)
class Evidence:
    """The records of a run, or of its part from ``began`` to ``ended`` (ns; None: to the end)."""

    records: tuple[Record, ...] = field(repr=False)
    pcap: CaptureFile = field(repr=False)
    began: int = 0
    ended: int | None = None
    _run: "Evidence | None" = field(default=None, repr=False, compare=False)  # that of the whole run, in a part of it

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read a run's folder.

        Raises:
            BadRun: it cannot be read; the text says what is wrong and what to do.
        """
        path = Path(folder)
        records = reader.read_records(path)
        capture = reader.read_capture(path)
        return cls(records, capture)

    def write(self, folder: Path | str) -> None:
        """Write a run's folder, for evidence that was made by hand; a real run records its own as it happens."""
        reader.write(Path(folder), self.records, self.pcap)

    # The run

    @property
    def meta(self) -> Record:
        """The first record: scenario, substrate, engine, clock, seed, and the hosts with their addresses."""
        return self.records[0]

    @property
    def hosts(self) -> Mapping[str, str]:
        """The address of each host, by its name."""
        hosts: Mapping[str, str] = self.meta.get("hosts", {})
        return hosts

    @cached_property
    def hosts6(self) -> Mapping[str, str]:
        """The IPv6 address of each host, by its name; empty if the lab had no IPv6."""
        hosts: Mapping[str, str] = self.meta.get("hosts6", {})
        return hosts

    @cached_property
    def further(self) -> Mapping[str, list[str]]:
        """The addresses beside the first one of each family, of each host that has some, by its name."""
        addresses: Mapping[str, list[str]] = self.meta.get("further", {})
        return addresses

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The values of the scenario's parameters, by name. One that was not recorded raises NotRecorded."""
        return _RecordedParameters(self.meta.get("parameters", {}))

    @cached_property
    def subjects(self) -> Mapping[str, Mapping[str, Any]]:
        """The programs under test by name: of each its "file" and "sha256", and whether it is a "reference" program."""
        given: Mapping[str, Mapping[str, Any]] = self.meta.get("subjects", {})
        return given

    @cached_property
    def env(self) -> Mapping[str, str]:
        """The variables of the environment that were given on the command line, by name."""
        given: Mapping[str, str] = self.meta.get("env", {})
        return given

    @property
    def error(self) -> str | None:
        """Why no claim can be judged on the run, as a sentence; None when it ended well and no record is missing."""
        for record in reversed(self.records):
            if record["kind"] == "end":
                error: str | None = record.get("error")
                return error or self.records_missing
        return "the run was cut short"

    @property
    def records_missing(self) -> str | None:
        """How many records the last one counts that are not there, as a sentence; None when all of them are.

        Where the last one is missing too, or counts wrongly, the sentence names the sample that does not fit the one
        before. Where none does, it names what the lab records of each host and is not there.
        """
        missing = missing_records(self.records)
        if missing:
            kinds = ", ".join(f"{count} of the kind {kind}" for kind, count in sorted(missing.items()))
            return f"{EVIDENCE} does not have all records that were written: {kinds} missing"
        if self._gaps:
            hosts = "; ".join(f"{host}: {gap}" for host, gap in self._gaps.items())
            return f"{EVIDENCE} does not have the samples as they were written ({hosts})"
        for host in self.hosts:
            missing_of_host = _missing_of(host, self.records)
            if missing_of_host:
                return f"{EVIDENCE} does not have the {missing_of_host} of {host}"
        return None

    @cached_property
    def _gaps(self) -> Mapping[str, str]:
        return gaps(self.records)

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """The scenario's notes, in order."""
        found = [record for record in self.records if record["kind"] == "note"]
        return tuple(Note(record["t"], record["text"]) for record in found)

    def at(self, text: str) -> int:
        """When the scenario first noted ``text`` (ns). Raises NotRecorded when it did not note it."""
        for note in self.notes:
            if note.t < self.began:
                continue
            if note.text == text:
                return note.t
        raise NotRecorded.of('the scenario did not note "{text}"', text=text)

    def between(self, first: str, second: str) -> Self:
        """The part from one note to the next note with the text ``second``.

        Raises:
            NotRecorded: the scenario did not note one of the two.
        """
        began = self.at(first)
        rest = self._part(began, self.ended)
        ended = rest.at(second)
        return rest._part(began, ended)

    def phase(self, text: str) -> Self:
        """The part from a note to the note after it, or to the end.

        Raises:
            NotRecorded: the scenario did not note ``text``.
        """
        began = self.at(text)
        index = self.notes.index(Note(began, text))
        following = self.notes[index + 1 :]
        ended = following[0].t if following else self.ended
        return self._part(began, ended)

    def _part(self, began: int, ended: int | None) -> Self:
        run = self._run or self
        return replace(self, began=began, ended=ended, _run=run)

    @property
    def _is_run(self) -> bool:
        return self.began == 0 and self.ended is None

    def covers(self, t: int) -> bool:
        """Whether an instant (ns) lies in this part of the run."""
        return is_within(t, self.began, self.ended)

    # Hosts

    def host(self, name: str) -> HostEvidence:
        """The records of a host.

        Raises:
            NotRecorded: the run has no host of that name.
        """
        self._check(name)
        may_hide(self._left((name,)))
        if name not in self._hosts:
            records = [record for record in self.records if record.get("host") == name]
            self._hosts[name] = HostEvidence(name, records, self.began, self.ended)
        return self._hosts[name]

    @cached_property
    def _hosts(self) -> dict[str, HostEvidence]:
        """The hosts that a query has used so far, since reading thousands of samples takes time."""
        return {}

    @property
    def programs(self) -> Records[Program]:
        """The programs of all hosts, in the order in which they started."""
        started: dict[tuple[str, int], int] = {}  # the place of the first record, since many may have the same time
        for position, record in enumerate(self.records):
            if record["kind"] == "program":
                started.setdefault((record["host"], record["program"]), position)
        found: list[Program] = []
        for name in self.hosts:
            host = self.host(name)
            found.extend(host.programs())
        found.sort(key=lambda program: (program.started or 0, started[program.host, program.number]))
        return Records(found, "programs", "no program was recorded")

    def calls(
        self,
        call: str | None = None,
        port: int | None = None,
    ) -> Records[Call]:
        """Calls on the controlled sockets of all hosts, in the order in which they began.

        Args:
            call: the name of the call, such as "connect"; None for any.
            port: the port of the address given to the call; None for any.
        """
        found: list[Call] = []
        for name in self.hosts:
            host = self.host(name)
            found.extend(host.calls(call, port=port))
        found.sort(key=lambda each: each.began)
        return Records(found, "calls", "no {call} was recorded", call=call or "call")

    @property
    def sampling_interval(self) -> float:
        """The longest time, in seconds, within which a change of a host's sockets may have gone unseen.

        Raises:
            NotRecorded: no host's sockets were sampled, or a sample is missing.
        """
        found = []
        for name in self.hosts:
            host = self.host(name)
            try:
                found.append(host.tables.sampling_interval)
            except NotRecorded:
                if name in self._gaps:
                    raise
        if not found:
            raise NotRecorded.of("no sample of any host's sockets was recorded")
        return max(found)

    @property
    def kernel(self) -> KernelFacts:
        """The kernel that all the hosts share.

        Raises:
            NotRecorded: no host's facts were recorded, or not the kernel's HZ.
        """
        any_host = next(iter(self.hosts), "")
        facts = self.host(any_host).facts
        if facts.hz <= 0:
            raise NotRecorded.of("the kernel's HZ was not recorded")
        return KernelFacts(facts.release, facts.hz, facts.machine)

    # The wire

    @cached_property
    def wire(self) -> WireEvidence:
        """The frames and faults of the whole run."""
        if self._run is not None:
            return self._run.wire  # a frame that is sent within a part of the run may be delivered after that part
        return WireEvidence(self.records, self.pcap, self.hosts, self.hosts6, self.further)

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
            source: the sender: a host, or "wire" for what the wire itself sent.
            to: the host that the frame was for.
            port: the port of either end.
            flags: the TCP flags, as in has_flags; or several of these, of which the segment has one.
            data: whether the segment or datagram carries data.
            protocol: as in Packet.protocol: "tcp", "udp", "icmp", "icmp6", "arp".
            after: only frames sent after this time, in ns.
            before: only frames sent before this time, in ns.

        Raises:
            NotRecorded: the run has no host ``source`` or ``to``.
        """
        if source != WIRE:
            self._check(source)
        self._check(to)
        selection = FrameSelection(
            source=source,
            to=to,
            port=port,
            flags=flags,
            data=data,
            protocol=protocol,
            after=after,
            before=before,
        )
        self._note_left(selection)
        if selection.reads_headers:
            self._note_hidden(selection)
        return selection.of(self._frames)

    @cached_property
    def _frames(self) -> tuple[Frame, ...]:
        if self._is_run:
            return self.wire.frames
        frames = [frame for frame in self.wire.frames if self.covers(frame.sent_at)]
        return tuple(frames)

    def segments(
        self,
        source: str | None = None,
        to: str | None = None,
        port: int | None = None,
        flags: Flags | None = None,
        data: bool | None = None,
    ) -> Records[Frame]:
        """TCP segments, selected as ``frames`` are."""
        return self.frames(
            source=source,
            to=to,
            port=port,
            flags=flags,
            data=data,
            protocol="tcp",
        )

    def datagrams(
        self,
        source: str | None = None,
        to: str | None = None,
        port: int | None = None,
    ) -> Records[Frame]:
        """UDP datagrams, selected as ``frames`` are.

        A datagram that was sent in fragments is one Frame, with all of its data: sent when the first of them was sent,
        delivered when the last of them was delivered, and lost if one of them was lost. ``frames`` has the fragments.
        """
        self._check(source)
        self._check(to)
        selection = FrameSelection(source=source, to=to, port=port, protocol="udp")
        self._note_hidden(selection)
        found = selection.of(self._reassembled.frames)
        for datagram in found:
            noted(self._reassembled.pieces.get(id(datagram), ()))
        return found

    @cached_property
    def _reassembled(self) -> Reassembled:
        return self.wire.reassembled if self._is_run else reassemble(self._frames)

    def faults(
        self,
        toward: str | None = None,
        kind: type[Fault] | None = None,
    ) -> Records[FaultPeriod]:
        """Faults that were in force in this part of the run.

        Args:
            toward: the host toward which they were in force; None for any.
            kind: the class of the fault; None for any.
        """
        self._check(toward)
        found = []
        for period in self.wire.faults:
            if not selects(toward, period.toward):
                continue
            if kind is not None and not isinstance(period.fault, kind):
                continue
            if self._overlaps(period):
                found.append(period)
        return Records(found, "faults", "no fault was recorded")

    def _overlaps(self, period: FaultPeriod) -> bool:
        if self.ended is not None and period.began > self.ended:
            return False
        return period.ended is None or period.ended >= self.began

    def decisions(self, verdict: str | None = None) -> Records[Decision]:
        """What the relay did to frames in this part of the run, in order.

        Args:
            verdict: "drop", "hold", "keep", "release", "duplicate", "corrupt" or "reorder"; None for any.
        """
        found = []
        for decision in self.wire.decisions:
            if self.covers(decision.t) and selects(verdict, decision.verdict):
                found.append(decision)
        return Records(found, "decisions", "no decision of the relay was recorded")

    @property
    def capture_is_complete(self) -> bool:
        """Whether every frame of the run was recorded. Only then does the capture show that a frame was never sent."""
        return self.wire.capture_is_complete

    @property
    def unseen(self) -> tuple[str, ...]:
        """What may hide a frame that a query did not find, for people; empty if nothing does.

        That is each kind of frame in this part of the run that could not be read, each datagram whose fragments cannot
        be put together, each joined container that left the network or communicated with what is outside of the joined
        ones, and each host whose own sockets communicated over its loopback interface during the run, which
        is not captured, or whose packets there were not counted. ``run.wire.unseen`` is without the loopback
        interfaces, for a claim about what passed between hosts.
        """
        unread_frames = [frame for frame in self.wire.unread if self.covers(frame.sent_at)]
        incomplete = self._reassembled.incomplete
        return (
            *unread_kinds(unread_frames),
            *incomplete_datagrams(incomplete),
            *self._left(self.hosts.keys()),
            *self.wire.outside,
            *self._unseen_on_loopback(FrameSelection()),
        )

    def _left(self, hosts: Collection[str | None]) -> list[str]:
        """What may have happened unseen at those of these hosts whose containers left the network in this part."""
        found: list[str] = []
        for record in self._departures:
            is_before_the_end = self.ended is None or record["t"] < self.ended
            if record["host"] in hosts and is_before_the_end:
                found.append(f"anything of {record['host']} after its container had left the network")
        return found

    @cached_property
    def _departures(self) -> tuple[Record, ...]:
        return tuple(record for record in self.records if record["kind"] == "left")

    def _note_left(self, asked: FrameSelection) -> None:
        """Note whose frames may be missing because a container has left the network."""
        asked_for = {asked.source, asked.to}.intersection(self.hosts)
        may_hide(self._left(asked_for or self.hosts.keys()))

    def _note_hidden(self, asked: FrameSelection) -> None:
        """Note what may hide a frame from a query that reads headers, by the sender and the time that it asks for."""
        self._note_left(asked)
        self._note_unread(asked)
        self._note_uncaptured(asked)

    def _note_uncaptured(self, asked: FrameSelection) -> None:
        """Note what hosts exchanged with themselves and with what is outside of the lab, as far as it was asked for."""
        may_hide(self._unseen_on_loopback(asked))
        for host, what in self.wire.outside_of.items():
            came = asked.source is None and selects(asked.to, host)
            left = asked.to is None and selects(asked.source, host)
            if came or left:
                may_hide([what])

    def _note_unread(self, asked: FrameSelection) -> None:
        for frame in self.wire.unread:
            if self.covers(frame.sent_at) and asked.includes_sending(frame):
                may_hide([unread(frame.source, frame.what)])
        incomplete = [frame for frame in self._reassembled.incomplete if asked.includes_sending(frame)]
        may_hide(incomplete_datagrams(incomplete))

    def _unseen_on_loopback(self, asked: FrameSelection) -> tuple[str, ...]:
        """What hosts sent to themselves, which is not captured, as far as a query asks for it."""
        found = []
        for name in self.hosts:
            if not (selects(asked.source, name) and selects(asked.to, name)):
                continue
            whole_run = self._run or self
            host = whole_run.host(name)
            try:
                packets = host.counter(LOOPBACK_PACKETS)
            except NotRecorded:
                found.append(f"any packet on the loopback interface of {name}, where they were not counted")
                continue
            if packets:
                noun = "packet" if packets == 1 else "packets"
                found.append(f"{packets} {noun} on the loopback interface of {name}, which is not captured")
        return tuple(found)

    def addresses(self, host: str) -> Records[str]:
        """A host's addresses: its IPv4 address, its IPv6 address, its further ones, and the other IPv6 addresses from
        which it sent frames.

        Raises:
            NotRecorded: the run has no such host.
        """
        self._check(host)
        found = [address for address, owner in self.wire.addresses.items() if owner == host]
        return Records(found, "addresses", "no address of {host} was recorded", host=host)

    # Connections

    def connections(
        self,
        port: int | None = None,
        client: str | None = None,
        server: str | None = None,
    ) -> Records[Connection]:
        """TCP connections in the order in which they began; ``port`` is the server's.

        Those of a host with itself are not captured, and those of a joined container with what is outside of the lab
        are not among them: an ``equals`` or a bound on their number is UNKNOWN beside such traffic unless ``client``
        and ``server`` are two hosts.
        """
        self._note_uncaptured(FrameSelection(source=client, to=server))
        return self._captured_connections(port, client, server)

    def _captured_connections(
        self,
        port: int | None = None,
        client: str | None = None,
        server: str | None = None,
    ) -> Records[Connection]:
        self._check(client)
        self._check(server)
        self._note_left(FrameSelection(source=client, to=server))
        self._note_unread(FrameSelection())
        found = []
        for connection in self._connections:
            if (
                selects(port, connection.server.port)
                and selects(client, connection.client.host)
                and selects(server, connection.server.host)
            ):
                found.append(connection)
        if port is None:
            return Records(found, "connections", "no connection was recorded")
        return Records(
            found,
            "connections",
            "no connection to port {port} was recorded",
            port=port,
        )

    def connection(
        self,
        port: int,
        nth: int = 1,
        client: str | None = None,
    ) -> Connection:
        """The ``nth`` connection to ``port``, opened or refused, counted from 1.

        Raises:
            NotRecorded: fewer connections were recorded.
        """
        found = self._captured_connections(port, client)
        return found.nth(nth)

    def established(self, port: int, client: str | None = None) -> Connection:
        """The first connection to ``port`` with a complete handshake.

        Raises:
            NotRecorded: no complete handshake was recorded.
        """
        all_to_port = self._captured_connections(port, client)
        found = all_to_port.where(lambda each: each.opened)
        if not found:
            raise NotRecorded.of("no complete handshake on port {port} was recorded", port=port)
        return found.first

    @cached_property
    def _connections(self) -> tuple[Connection, ...]:
        found = self.wire.streams if self._is_run else streams(self._frames)
        return tuple(Connection(stream, self) for stream in found)

    def served_side_by_side(self, port: int) -> int:
        """The most clients of ``port`` that were served at the same time.

        A client is served from when its first answer arrives until either side sends the first FIN or RST. Clients that
        came and left earlier do not matter.

        Raises:
            NotRecorded: no FIN or RST was recorded on any of their connections.
        """
        changes: list[tuple[int, int]] = []  # a time, and 1 for a client that is served from then on, else -1
        closed = False
        for connection in self.connections(port):
            closing = connection.stream.sent(flags=("F", "R"))
            closed = closed or bool(closing)
            answers = connection.server.segments(data=True).where(lambda answer: answer.delivered_at)
            if not answers:
                continue
            served_from = min(answer.arrived for answer in answers)
            if not closing:
                changes.append((served_from, 1))
            elif served_from < closing.first.sent_at:
                changes += [(served_from, 1), (closing.first.sent_at, -1)]
        if not closed:
            raise NotRecorded.of("no client closed its connection to port {port}", port=port)
        changes.sort()  # of the same time, those that leave come first
        return max(accumulate(change for _, change in changes), default=0)

    def _check(self, name: str | None) -> None:
        """Refuse a misspelt host: its queries would find nothing, as those of a host on which nothing happened."""
        if name is None or name in self.hosts:
            return
        raise NotRecorded.of(
            "this run has no host {name}, only {hosts}",
            name=name,
            hosts=tuple(self.hosts),
        )


class _RecordedParameters(dict[str, Any]):
    """Values by name; see ``Evidence.parameters``."""

    def __missing__(self, name: str) -> NoReturn:
        raise NotRecorded.of("this run has no parameter {name}, only {parameters}", name=name, parameters=tuple(self))


def _missing_of(host: str, records: Iterable[Record]) -> str | None:
    """What the lab records of each host and ``records``, of a whole run, do not have; None if they have all of it.

    At the end of a run the lab first asks which calls are still blocking, then for the last table and counters.
    """
    kinds = [record["kind"] for record in records if record.get("host") == host]
    if "facts" not in kinds:
        return "facts"
    if "blocking" in kinds:
        last = len(kinds) - 1 - kinds[::-1].index("blocking")
        if "sample" not in kinds[last:]:
            return "last table of the sockets"
        if "counters" not in kinds[last:]:
            return "last counters"
    return None
