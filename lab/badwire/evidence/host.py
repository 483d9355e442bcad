"""What was recorded of one host: its sockets, the calls on controlled sockets, programs, counters, settings."""

from collections.abc import Iterable
from functools import cached_property

from badwire.evidence.programs import programs
from badwire.evidence.records import Records
from badwire.evidence.sockets import Period, SocketSample, SocketTables, SocketTimeline, TableSample
from badwire.store.records import Call, Facts, NotRecorded, ProcessTable, Program, Record
from badwire.util.numbers import Span


class HostEvidence:
    """The records of one host within a part of a run.

    Args:
        name: the host's.
        records: all of the run that are about this host.
        began, ended: the part asked about, in ns of the hosts' clock; None: to the end.
    """

    def __init__(self, name: str, records: Iterable[Record], began: int = 0, ended: int | None = None) -> None:
        self.name = name
        self._records = tuple(records)
        self._began = began
        self._ended = ended

    # Sockets

    @cached_property
    def tables(self) -> SocketTables:
        """The samples of its socket table. Raises NotRecorded when there is none."""
        samples = self._kind("sample")
        before = [record for record in samples if record["t"] < self._began]
        carried: list[Record] = [{**before[-1], "prev": None}] if before else []
        return SocketTables(self.name, carried + [record for record in samples if self._covers(record["t"])])

    @property
    def table_samples(self) -> Records[TableSample]:
        """The samples of its socket table. Raises NotRecorded when there is none."""
        return self.tables.samples

    def timelines(
        self,
        state: str | None = None,
        port: int | None = None,
        remote_port: int | None = None,
        protocol: str | None = None,
    ) -> Records[SocketTimeline]:
        """Sockets that were ever in ``state``, in the order in which they appeared; ``port`` is the local one."""
        return self.tables.timelines(state, port, remote_port, protocol)

    def periods(self, state: str, port: int | None = None, remote_port: int | None = None) -> Records[Period]:
        """Every period of a socket in ``state``."""
        return self.tables.periods(state, port, remote_port)

    def time_in(self, state: str, port: int | None = None, remote_port: int | None = None) -> Span:
        """How long sockets were in ``state``, in seconds. Raises NotRecorded when no sample shows one there."""
        return self.tables.time_in(state, port, remote_port)

    def states(self, port: int | None = None, remote_port: int | None = None) -> Records[str]:
        """The states, in order, of the first TCP socket that is not a listener."""
        return self.tables.states(port, remote_port)

    def table(self, at: int) -> tuple[SocketSample, ...]:
        """The table at a time (ns). Raises NotRecorded when it is not known."""
        return self.tables.table(at)

    def samples_with(self, *states: str, port: int | None = None) -> Records[TableSample]:
        """The samples that show a socket in each of these states at the same time."""
        return self.tables.samples_with(*states, port=port)

    def most(self, state: str, port: int | None = None, owned: bool | None = None) -> int:
        """The most sockets that one sample shows in ``state``; ``owned``: held by a program, or by none."""
        return self.tables.most(state, port, owned)

    def accept_queue(self, port: int) -> tuple[int, int]:
        """The most connections that waited for accept on a port, and how many the listener allowed."""
        return self.tables.accept_queue(port)

    # Calls on controlled sockets

    def calls(self, call: str | None = None, socket: int | None = None, port: int | None = None) -> Records[Call]:
        """Calls by when they began; ``port`` is that of the address given to the call."""
        found = [
            each
            for each in map(Call.of, self._kind("call"))
            if self._covers(each.began)
            and (call is None or each.call == call)
            and (socket is None or each.socket == socket)
            and (port is None or each.port == port)
        ]
        found.sort(key=lambda each: each.began)
        if port is None:
            return Records(found, "calls", "no {call} on {host} was recorded", call=call or "call", host=self.name)
        return Records(
            found, "calls", "no {call} for port {port} on {host} was recorded",
            call=call or "call", port=port, host=self.name,
        )  # fmt: skip

    def call(self, call: str, port: int | None = None, nth: int = 1) -> Call:
        """The ``nth`` of them. Raises NotRecorded."""
        return self.calls(call, port=port).nth(nth)

    def results(self, *calls: str, port: int) -> Records[str]:
        """What these calls returned, in order, on the socket that connected to ``port``: ``send 5``, ``recv EPIPE``."""
        socket = self.call("connect", port=port).socket
        found = self.calls(socket=socket).where(lambda each: each.call in calls)
        results = (f"{each.call} {each.errno or repr(each.value)}" for each in found)
        return Records(
            results, "results", "no {calls} on the socket to port {port} was recorded",
            calls=" or ".join(calls), port=port,
        )  # fmt: skip

    # Programs

    def programs(
        self, name: str | None = None, *args: object, during: tuple[str, int] | None = None
    ) -> Records[Program]:
        """Programs that started, in order, each with its exit and its output.

        Args:
            name: the program's.
            args: the last words of its command line.
            during: a state and a local port: the host had a socket there in that state from before the program
                started until after it had ended.
        """
        last = tuple(map(str, args))
        found = [
            each
            for each in programs(self._records)
            if each.started is not None
            and self._covers(each.started)
            and (name is None or each.name == name)
            and each.argv[len(each.argv) - len(last) :] == last
            and (during is None or self._ran_during(each, *during))
        ]
        what = "no program {name} on {host} was recorded"
        if during is not None:
            what += " while a socket was in {state} on port {port}"
        state, port = during or ("", 0)
        command = " ".join(map(str, (name or "", *args))).strip()
        return Records(found, "programs", what, name=command, host=self.name, state=state, port=port)

    def program(self, name: str | None = None, *args: object, during: tuple[str, int] | None = None) -> Program:
        """The first of them. Raises NotRecorded."""
        return self.programs(name, *args, during=during).first

    @property
    def process_tables(self) -> Records[ProcessTable]:
        """The host's processes, at each time that the scenario asked for them."""
        found = (ProcessTable(self.name, r["t"], tuple(r["processes"])) for r in self._within("processes"))
        return Records(found, "tables", "the processes of {host} were not recorded", host=self.name)

    # The kernel

    def counter(self, name: str) -> int:
        """By how much a counter of the kernel, such as ``Tcp.RetransSegs``, grew. Raises NotRecorded."""
        values = [r["counters"][name] for r in self._within("counters") if name in r["counters"]]
        if len(values) < 2:
            raise NotRecorded.of("the counter {name} of {host} was not recorded twice", name=name, host=self.name)
        return int(values[-1] - values[0])

    @property
    def facts(self) -> Facts:
        """Its kernel, interface and sysctls as it was set up. Raises NotRecorded."""
        found = self._kind("facts")
        if not found:
            raise NotRecorded.of("the facts of {host} were not recorded", host=self.name)
        return Facts.of(found[-1])

    def sysctl(self, name: str) -> str:
        """A sysctl as it was during the run. Raises NotRecorded."""
        value = self.facts.sysctls.get(name)
        if value is None:
            raise NotRecorded.of("{name} of {host} was not recorded", name=name, host=self.name)
        return value

    def _ran_during(self, program: Program, state: str, port: int) -> bool:
        if program.started is None or program.exited is None:
            return False
        periods = self.periods(state, port=port)
        return any(each.entered_by <= program.started and program.exited <= each.left_after for each in periods)

    def _kind(self, kind: str) -> tuple[Record, ...]:
        return tuple(record for record in self._records if record["kind"] == kind)

    def _within(self, kind: str) -> tuple[Record, ...]:
        return tuple(record for record in self._kind(kind) if self._covers(record["t"]))

    def _covers(self, t: int) -> bool:
        return self._began <= t and (self._ended is None or t <= self._ended)
