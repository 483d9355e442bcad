"""Evidence: what a run left on disk, and what a claim may ask of it.

Times are integers, nanoseconds of the hosts' monotonic clock; lengths of time are seconds. A query that matches nothing
gives None. Asking about a host that the run does not have, or about what was never recorded, raises NothingSeen, which
makes the claim UNKNOWN.

The queries are below.
(sockets, calls, programs, settings).

The record of a run as a whole: its files, its notes, and the part of it between two notes.

What a claim may ask about the hosts: sockets, calls, programs, counters, processes, settings.

What a claim may ask about the wire: frames, connections, faults, and whether the capture is whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from badwire.linux.timers import KernelFacts
from badwire.old.evidence import timeline
from badwire.old.evidence.congestion import Flow
from badwire.old.evidence.connections import Closed, Connection, Opened, closed, connections, tcp_of
from badwire.old.evidence.frames import Frame, intervals, join
from badwire.old.evidence.provenance import given
from badwire.old.evidence.sockets import History, Sample, Sockets, widest_gap
from badwire.old.evidence.timeouts import Silence, silence
from badwire.packets.packet import has_flags
from badwire.packets.pcapng import Capture
from badwire.store import reader
from badwire.store.records import NS, Call, Decision, Facts, FaultSeen, Note, NothingSeen, ProcessTable, Program, Record
from badwire.util.jsonlines import WIRE


@dataclass(frozen=True)
class Run:
    """The record of a run, or of the part of it from ``began`` to ``ended`` (ns; None: to the end)."""

    records: tuple[Record, ...] = field(repr=False)
    pcap: Capture = field(repr=False)
    began: int = 0
    ended: int | None = None
    run: "Run | None" = field(default=None, repr=False, compare=False)

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read a run's folder.

        Raises:
            BadRun: it cannot be read; the text says what is wrong and what to do.
        """
        return cls(reader.read_records(Path(folder)), reader.read_capture(Path(folder)))

    def write(self, folder: Path | str) -> None:
        """Write a run's folder, for evidence that is made by hand; a run's own is written as it happens."""
        reader.write(Path(folder), self.records, self.pcap)

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
        end = self._last("end")
        return "the run was cut short" if end is None else end.get("error")

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What the scenario noted, in order."""
        return tuple(Note(record["t"], record["text"]) for record in self._kind("note"))

    def at(self, text: str) -> int:
        """When the scenario noted ``text`` first; NothingSeen when it never did."""
        for note in self.notes:
            if note.text == text and note.t >= self.began:
                return note.t
        raise NothingSeen(f'the scenario never noted "{text}"')

    def between(self, first: str, second: str) -> Self:
        """The part from one note to the next that says ``second``."""
        part = replace(self, began=self.at(first), run=self.run or self)
        return replace(part, ended=part.at(second))

    def phase(self, text: str) -> Self:
        """The part from a note to the note after it, or to the end."""
        began = self.at(text)
        place = next(index for index, note in enumerate(self.notes) if note.text == text and note.t == began)
        following = self.notes[place + 1 : place + 2]
        return replace(self, began=began, ended=following[0].t if following else self.ended, run=self.run or self)

    def covers(self, t: int) -> bool:
        """Whether a time (ns) lies in this part of the run."""
        return self.began <= t and (self.ended is None or t <= self.ended)

    def _kind(self, kind: str, host: str | None = None) -> tuple[Record, ...]:
        """All records of a kind, of one host or of all."""
        self._known(host)
        return tuple(r for r in self.records if r["kind"] == kind and (host is None or r.get("host") == host))

    def _last(self, kind: str) -> Record | None:
        return (self._kind(kind) or (None,))[-1]

    def _known(self, *hosts: str | None) -> None:
        """A misspelt host must not look like a host on which nothing happened."""
        for host in hosts:
            if host is not None and host not in self.hosts:
                raise NothingSeen(f"there is no host {host} in this run, only {', '.join(self.hosts)}")


class OnTheHosts(Run):
    """Queries about hosts; each selects by all of the arguments that are given."""

    def sockets(self, host: str) -> Sockets:
        """What the samples of a host's socket table show; NothingSeen when there are none."""
        if host not in self._sockets:
            self._sockets[host] = self._sockets_of(host)
        return self._sockets[host]

    @cached_property
    def _sockets(self) -> dict[str, Sockets]:
        """Those that were asked for, by host: it takes long to read thousands of tables."""
        return {}

    def _sockets_of(self, host: str) -> Sockets:
        samples = self._kind("sample", host)
        before = [record for record in samples if record["t"] < self.began]
        carried: list[Record] = [{**before[-1], "prev": None}] if before else []
        return Sockets(host, carried + [record for record in samples if self.covers(record["t"])])

    @property
    def sample_gap(self) -> float:
        """The longest time, in seconds, within which a change of any host's sockets may have happened unseen."""
        samples = [Sample.of(record) for record in self._kind("sample") if self.covers(record["t"])]
        if not samples:
            raise NothingSeen("no look at any host's sockets is on record")
        return widest_gap(samples)

    def calls(
        self, host: str | None = None, call: str | None = None, socket: int | None = None, port: int | None = None
    ) -> tuple[Call, ...] | None:
        """Calls on sockets that the scenario drove, by when they began; ``port`` is that of the address given to it."""
        found = [
            each
            for each in map(Call.of, self._kind("call", host))
            if self.covers(each.began)
            and (call is None or each.call == call)
            and (socket is None or each.socket == socket)
            and (port is None or any(isinstance(arg, tuple) and arg[1] == port for arg in each.args))
        ]
        return tuple(sorted(found, key=lambda each: each.began)) or None

    def call(self, host: str | None = None, call: str | None = None, port: int | None = None) -> Call:
        """The first of them; NothingSeen when there is none."""
        found = self.calls(host, call, port=port)
        if found is None:
            raise NothingSeen(f"no {call or 'call'} on {host or 'any host'} is on record")
        return found[0]

    def gave(self, host: str, port: int, *names: str) -> tuple[str, ...] | None:
        """What these calls gave, in order, on the socket that was driven to connect to ``port``: ``recv EPIPE``."""
        socket = self.call(host, "connect", port=port).socket
        found = (each for each in self.calls(host, socket=socket) or () if each.call in names)
        return tuple(f"{each.call} {each.errno or repr(each.value)}" for each in found) or None

    def connects(self, port: int) -> dict[tuple[str, str], str] | None:
        """What each connect to ``port`` gave, ``connected`` or an errno, by the host that called and the address."""
        calls = self.calls(call="connect", port=port) or ()
        return {(each.host, each.args[0][0]): each.errno or "connected" for each in calls} or None

    def programs(
        self,
        host: str | None = None,
        name: str | None = None,
        *args: object,
        beside: tuple[str, int] | None = None,
    ) -> tuple[Program, ...] | None:
        """Programs that started, in order, each whole with its exit and its output.

        ``args`` are the last words of its command line. ``beside`` is a state and a local port: its host had a socket
        there in that state from before the program started until after it had ended.
        """
        self._known(host)
        last = tuple(map(str, args))
        found = [
            each
            for each in timeline.programs(self.records)
            if each.started is not None
            and self.covers(each.started)
            and (host is None or each.host == host)
            and (name is None or each.name == name)
            and each.argv[len(each.argv) - len(last) :] == last
            and (beside is None or self._ran_beside(each, *beside))
        ]
        return tuple(found) or None

    def program(
        self, host: str | None = None, name: str | None = None, *args: object, beside: tuple[str, int] | None = None
    ) -> Program | None:
        """The first of them."""
        return (self.programs(host, name, *args, beside=beside) or (None,))[0]

    def said(
        self, host: str, name: str, *args: object, beside: tuple[str, int] | None = None, line: str | None = None
    ) -> str | None:
        """What the first of them wrote to standard output, without the newline at its end.

        With ``line`` what follows that word on the first line that begins with it, None where none does.
        """
        found = self.program(host, name, *args, beside=beside)
        if found is None or line is None:
            return None if found is None else found.out.rstrip("\n")
        split = (each.partition(" ") for each in found.out.splitlines())
        return next((rest for word, _, rest in split if word == line), None)

    def counter(self, host: str, name: str) -> int | None:
        """How much a kernel counter, like ``Tcp.RetransSegs``, grew from the first look to the last."""
        values = [r["counters"][name] for r in self._looks("counters", host) if name in r["counters"]]
        return values[-1] - values[0] if len(values) > 1 else None

    def processes(self, host: str) -> tuple[ProcessTable, ...] | None:
        """The host's processes, at each time that the scenario asked."""
        tables = (ProcessTable(host, r["t"], tuple(r["processes"])) for r in self._looks("processes", host))
        return tuple(tables) or None

    def zombies(self, host: str) -> int | None:
        """The most zombies that any look at the host's processes found."""
        return max((table.zombies for table in self.processes(host) or ()), default=None)

    def facts(self, host: str) -> Facts:
        """What the host said about itself as it was set up; NothingSeen when it said nothing."""
        found = self._kind("facts", host)
        if not found:
            raise NothingSeen(f"the facts of {host} are not on record")
        return Facts.of(found[-1])

    def sysctl(self, host: str, name: str) -> str | None:
        """A setting of the host's as it was during the run."""
        return self.facts(host).sysctls.get(name)

    @property
    def kernel(self) -> KernelFacts:
        """The kernel that all the hosts share."""
        facts = self.facts(next(iter(self.hosts), ""))
        if facts.hz <= 0:
            raise NothingSeen("the kernel's HZ is not on record")
        return KernelFacts(facts.release, facts.hz, facts.machine)

    def _ran_beside(self, program: Program, state: str, port: int) -> bool:
        began, ended = program.started, program.exited
        stays = self.sockets(program.host).stays(state, port=port) or ()
        if began is None or ended is None:
            return False
        return any(stay.by <= began and ended <= stay.left_after for stay in stays)

    def _looks(self, kind: str, host: str) -> tuple[Record, ...]:
        return tuple(record for record in self._kind(kind, host) if self.covers(record["t"]))


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
        return timeline.faults(self._kind("fault"))

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


__all__ = ["NS", "Connection", "Evidence", "Frame", "NothingSeen", "intervals", "tcp_of"]


@dataclass(frozen=True)
class Evidence(OnTheWire, OnTheHosts):
    """All that is on record of a run: ``Evidence.load(folder)``; ``seen.phase("note")`` is the part after a note."""

    def ends(self, connection: Connection) -> dict[str, History]:
        """A connection's two sockets by host, as the tables showed them; NothingSeen when one was never looked at."""
        port, remote_port = connection.client_port, connection.server_port
        ends: dict[str, History] = {}
        for host, ports in ((connection.client, (port, remote_port)), (connection.server, (remote_port, port))):
            found = self.sockets(host).histories(None, *ports, protocol="tcp")
            if found is None:
                raise NothingSeen(f"the connection was never seen in the table of {host}")
            ends[host] = found[0]
        return ends

    def flow(self, port: int, client: str | None = None) -> Flow:
        """What the client of the first connection to ``port`` sends, with the looks at its socket."""
        made = self.opened(port, client).connection
        ports = made.client_port, made.server_port
        found = self.sockets(made.client).histories(None, *ports, protocol="tcp")
        return Flow(made, found[0].sockets if found else ())

    def silence(self, port: int, client: str | None = None) -> Silence:
        """What the client of the first connection to ``port``, a driven socket, sent in vain."""
        made = self.tried(port, client)
        found = self.sockets(made.client).histories(None, made.client_port, made.server_port, protocol="tcp")
        number = self.call(made.client, "connect", port=port).socket
        if found is None:
            raise NothingSeen(f"the connection was never seen in the table of {made.client}")
        return silence(made, found[0], self.calls(made.client, socket=number) or ())
