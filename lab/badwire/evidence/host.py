"""The records of one host: its sockets, the calls on controlled sockets, programs, counters, settings."""

from collections.abc import Iterable
from functools import cached_property

from badwire.evidence.programs import programs
from badwire.evidence.records import Records
from badwire.evidence.selection import is_within, selects
from badwire.evidence.sockets import Period, SocketSample, SocketTables, SocketTimeline, TableSample
from badwire.store.records import Call, Facts, NotRecorded, ProcessTable, Program, Record
from badwire.util.numbers import Span


class HostEvidence:
    """The records of one host within a part of a run.

    Args:
        name: the host's name.
        records: all records of the run about this host.
        began: the beginning of the part, in ns of the hosts' clock.
        ended: its end, in ns of the hosts' clock. None: the part extends to the end of the run.
    """

    def __init__(self, name: str, records: Iterable[Record], began: int = 0, ended: int | None = None) -> None:
        self.name = name
        self._records = tuple(records)
        self._began = began
        self._ended = ended

    # Sockets

    @cached_property
    def tables(self) -> SocketTables:
        """The samples of its socket table. Raises NotRecorded when there is none, or one is missing or damaged."""
        return SocketTables(self.name, self._kind("sample"), self._began, self._ended)

    @property
    def table_samples(self) -> Records[TableSample]:
        """The samples of its socket table. Raises NotRecorded when there is none, or one is missing or damaged."""
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

    def periods(
        self,
        state: str,
        port: int | None = None,
        remote_port: int | None = None,
    ) -> Records[Period]:
        """Every period of a socket in ``state``."""
        return self.tables.periods(state, port, remote_port)

    def time_in(
        self,
        state: str,
        port: int | None = None,
        remote_port: int | None = None,
    ) -> Span:
        """How long the socket was in ``state``, in seconds. Raises NotRecorded unless exactly one was there."""
        return self.tables.time_in(state, port, remote_port)

    def states(
        self,
        port: int | None = None,
        remote_port: int | None = None,
    ) -> Records[str]:
        """The states, in order, of the first TCP socket that is not a listener."""
        return self.tables.states(port, remote_port)

    def table(self, at: int) -> tuple[SocketSample, ...]:
        """The table at a time (ns). Raises NotRecorded when it is not known."""
        return self.tables.table(at)

    def samples_with(self, *states: str, port: int | None = None) -> Records[TableSample]:
        """The samples that show a socket in each of these states at the same time."""
        return self.tables.samples_with(*states, port=port)

    def most(
        self,
        state: str,
        port: int | None = None,
        owned: bool | None = None,
    ) -> int:
        """The largest number of sockets that one sample shows in ``state``; see SocketTables.most."""
        return self.tables.most(state, port, owned)

    def accept_queue(self, port: int) -> tuple[int, int]:
        """The most connections that waited for accept on a port, and the listener's limit.

        Raises:
            NotRecorded: no sample shows a listener there.
        """
        return self.tables.accept_queue(port)

    # Calls on controlled sockets

    def calls(
        self,
        call: str | None = None,
        socket: int | None = None,
        port: int | None = None,
    ) -> Records[Call]:
        """Calls in the order in which they began.

        Args:
            call: the name of the call, such as "connect"; None for any.
            socket: the number of the controlled socket; None for any.
            port: the port of the address given to the call; None for any.
        """
        found = []
        for each in self._calls:
            if (
                self._covers(each.began)
                and selects(call, each.call)
                and selects(socket, each.socket)
                and selects(port, each.port)
            ):
                found.append(each)
        if port is None:
            return Records(
                found,
                "calls",
                "no {call} on {host} was recorded",
                call=call or "call",
                host=self.name,
            )
        return Records(
            found,
            "calls",
            "no {call} for port {port} on {host} was recorded",
            call=call or "call",
            port=port,
            host=self.name,
        )

    @cached_property
    def _calls(self) -> tuple[Call, ...]:
        """The calls of the whole run, in the order in which they began."""
        blocked_until: dict[int, int] = {}  # by the number of the call
        for record in self._kind("blocking"):
            for number in record["calls"]:
                blocked_until[number] = record["t"]
        over = [*self._kind("call"), *self._kind("refused")]
        numbers = {record.get("number") for record in over}
        begun = [record for record in self._kind("calling") if record["number"] not in numbers]
        calls = []
        for record in (*self._kind("call"), *begun):
            call = Call.of(record, blocked_until.get(record.get("number", 0)))
            calls.append(call)
        calls.sort(key=lambda call: call.began)
        return tuple(calls)

    def call(
        self,
        call: str,
        port: int | None = None,
        nth: int = 1,
    ) -> Call:
        """The ``nth`` of the calls that ``calls`` returns, from 1. Raises NotRecorded when there are fewer."""
        found = self.calls(call, port=port)
        return found.nth(nth)

    def results(self, *calls: str, port: int) -> Records[str]:
        """The results of these calls, in order, on the socket that connected to ``port``: ``send 5``, ``recv EPIPE``.

        Raises:
            NotRecorded: no connect to ``port`` was recorded.
        """
        connect = self.call("connect", port=port)
        results = []
        for call in self.calls(socket=connect.socket):
            if call.call in calls:
                result = call.errno or repr(call.value)
                results.append(f"{call.call} {result}")
        return Records(
            results,
            "results",
            "no {calls} on the socket to port {port} was recorded",
            calls=" or ".join(calls),
            port=port,
        )

    # Programs

    def programs(
        self,
        name: str | None = None,
        *args: object,
        during: tuple[str, int] | None = None,
    ) -> Records[Program]:
        """Programs that started, in order, each with its exit and its output.

        Args:
            name: the program's name; None for any.
            args: the last arguments of its command line.
            during: a state and a local port: the host had a socket there in that state from before the program
                started until after it had ended.
        """
        last = tuple(map(str, args))
        found = []
        for program in programs(self._records):
            if (
                self._started_here(program)
                and selects(name, program.name)
                and _ends_with(program.argv, last)
                and (during is None or self._ran_during(program, *during))
            ):
                found.append(program)
        what = "no program {name} on {host} was recorded"
        if during is not None:
            what += " while a socket was in {state} on port {port}"
        state, port = during or ("", 0)
        command = " ".join((name or "", *last))
        return Records(
            found,
            "programs",
            what,
            name=command.strip(),
            host=self.name,
            state=state,
            port=port,
        )

    def program(
        self,
        name: str | None = None,
        *args: object,
        during: tuple[str, int] | None = None,
    ) -> Program:
        """The first program that ``programs`` returns. Raises NotRecorded when there is none."""
        found = self.programs(name, *args, during=during)
        return found.first

    @property
    def process_tables(self) -> Records[ProcessTable]:
        """The host's processes, at each time that the scenario asked for them."""
        found = []
        for record in self._within("processes"):
            processes = tuple(record["processes"])
            table = ProcessTable(self.name, record["t"], processes)
            found.append(table)
        return Records(
            found,
            "tables",
            "the processes of {host} were not recorded",
            host=self.name,
        )

    # The kernel

    def counter(self, name: str) -> int:
        """The increase of a counter of the kernel, such as ``Tcp.RetransSegs``, in this part of the run.

        Raises:
            NotRecorded: the counter was not recorded twice.
        """
        values = []
        for record in self._within("counters"):
            counters = record["counters"]
            if name in counters:
                values.append(counters[name])
        if len(values) < 2:
            raise NotRecorded.of(
                "the counter {name} of {host} was not recorded twice",
                name=name,
                host=self.name,
            )
        return int(values[-1] - values[0])

    @property
    def facts(self) -> Facts:
        """Its kernel, interface and sysctls when it was set up. Raises NotRecorded when they were not recorded."""
        found = self._kind("facts")
        if not found:
            raise NotRecorded.of("the facts of {host} were not recorded", host=self.name)
        return Facts.of(found[-1])

    def sysctl(self, name: str) -> str:
        """The value of a sysctl during the run. Raises NotRecorded when it was not recorded."""
        value = self.facts.sysctls.get(name)
        if value is None:
            raise NotRecorded.of(
                "{name} of {host} was not recorded",
                name=name,
                host=self.name,
            )
        return value

    def _ran_during(self, program: Program, state: str, port: int) -> bool:
        if program.started is None or program.exited is None:
            return False
        for period in self.periods(state, port=port):
            if period.entered_by <= program.started and program.exited <= period.left_after:
                return True
        return False

    def _started_here(self, program: Program) -> bool:
        """Whether it started within this part of the run."""
        return program.started is not None and self._covers(program.started)

    def _kind(self, kind: str) -> tuple[Record, ...]:
        return tuple(record for record in self._records if record["kind"] == kind)

    def _within(self, kind: str) -> tuple[Record, ...]:
        return tuple(record for record in self._kind(kind) if self._covers(record["t"]))

    def _covers(self, t: int) -> bool:
        return is_within(t, self._began, self._ended)


def _ends_with(argv: tuple[str, ...], last: tuple[str, ...]) -> bool:
    start = len(argv) - len(last)
    return argv[start:] == last
