"""What a claim may ask about the hosts: sockets, calls, programs, counters, processes, settings."""

from functools import cached_property

from lab import seen_programs
from lab.kernelfacts import KernelFacts
from lab.seen_records import Call, Facts, NothingSeen, ProcessTable, Program, Record
from lab.seen_run import Run
from lab.seen_sockets import Sockets
from lab.seen_states import Sample, widest_gap


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
            for each in seen_programs.programs(self.records)
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
