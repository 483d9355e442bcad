"""A machine of the lab with its own network stack."""

import contextlib
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from badwire.errors import BadOption, LabError, ProgramFailed, SubjectFailed, Timeout
from badwire.store.recorder import Recorder
from badwire.substrate.substrate import OwnPrograms
from badwire.testbed.c_programs import CPrograms
from badwire.testbed.channel import REPLY_TIMEOUT, Channel, Reply
from badwire.testbed.own_programs import FIRST as FIRST_INSIDE
from badwire.testbed.own_programs import ProgramsInside
from badwire.testbed.placeholders import NO_IPV6, AddressesByName, fill_in
from badwire.testbed.process import Exit, Process
from badwire.testbed.socket import Socket
from badwire.testbed.socket_table import Predicate, SocketFilter, SocketTable
from badwire.testbed.subject import Subject
from badwire.util.jsonlines import Message

if TYPE_CHECKING:
    import testinfra.host

READY_TIMEOUT = 10.0  # seconds that a program has to become ready


class Host:
    """A machine with its own network stack: a container, or a network namespace.

    A host starts programs, makes controlled sockets, and waits for changes in the kernel's table of its sockets. When
    its agent ends early (its process was killed, say), each method raises AgentLost; when the run's folder cannot be
    written, DiskFull.

    Attributes:
        name: its name in the topology.
        address: its IPv4 address.
        address6: its IPv6 address; None in a lab without IPv6.
        addresses: all its IPv4 addresses, ``address`` first.
        addresses6: all its IPv6 addresses, ``address6`` first; empty in a lab without IPv6.
        environment: variables of the environment of every program.
    """

    def __init__(
        self,
        name: str,
        address: str,
        channel: Channel,
        recorder: Recorder,
        programs: CPrograms | None = None,
        names: AddressesByName | None = None,
        environment: Mapping[str, str] | None = None,
        address6: str | None = None,
        further: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.address = address
        self.address6 = address6
        self.addresses = (address, *(each for each in further if ":" not in each))
        self.addresses6 = (*([address6] if address6 else []), *(each for each in further if ":" in each))
        self._channel = channel
        self._recorder = recorder
        self._programs = programs
        self._names = names or {}
        self.environment = dict(environment or {})
        self._processes: dict[int, Process] = {}
        self._processes_lock = threading.Lock()
        self._table = SocketTable(name)
        self._inside: ProgramsInside | None = None

    def __repr__(self) -> str:
        return f"<host {self.name} {self.address}>"

    def at(self, port: int, number: int = 1) -> tuple[str, int]:
        """This host's address with a port, as ``connect`` and ``sendto`` take it.

        Args:
            port: the port.
            number: which of its addresses, counted from 1.

        Raises:
            BadOption: it has fewer.
        """
        return self._numbered(self.addresses, number), port

    def at6(self, port: int, number: int = 1) -> tuple[str, int]:
        """This host's IPv6 address with a port; see ``at``.

        Raises:
            BadOption: the lab has no IPv6, or the host has fewer addresses.
        """
        if self.address6 is None:
            raise BadOption(f"{self.name} has no IPv6 address: {NO_IPV6}")
        return self._numbered(self.addresses6, number), port

    def _numbered(self, addresses: Sequence[str], number: int) -> str:
        if not 1 <= number <= len(addresses):
            listed = ", ".join(addresses)
            raise BadOption(
                f"{self.name} has no address number {number}, only {listed}: ask for more with"
                f" addresses={{{self.name!r}: {max(number, 1)}}}"
            )
        return addresses[number - 1]

    def start(
        self,
        program: str | Subject,
        *args: object,
        port: int | None = None,
        env: Mapping[str, object] | None = None,
        cwd: str | Path | None = None,
        ready: bool = True,
        timeout: float = READY_TIMEOUT,
    ) -> Process:
        """Start a program and return once it is ready.

        Its standard input is a pipe, which ``Process.type`` writes to.

        Args:
            program: a name without a slash is a reference program of the lab, which itself reports when it is ready;
                a path is a program of your own, which is ready when it listens on ``port``. So is a program under
                test, ``lab.subject("server")``, whose declared arguments precede ``args``.
            args: its arguments. ``(address, port)`` becomes two arguments. In a text, ``{server}`` becomes the address
                of the host server (likewise for every host, by its name or alias), and ``{port}`` becomes ``port``;
                anything else in braces stays as it is.
            port: the port that a program of your own listens on.
            env: variables of its environment, beside those of the host (``environment`` in the compose file); their
                values become text.
            cwd: its working directory, a path on the host; None for /tmp, which it may write to.
            ready: with False, return without waiting until the program is ready.
            timeout: how long the program may take to become ready, in seconds.

        Raises:
            BadOption: a program of your own has no ``port`` by which to tell when it is ready; or several hosts have
                the alias in braces; or there is no directory ``cwd`` on the host.
            ProgramNotFound: there is no such program on the host.
            ProgramFailed: it ended at once, or was not ready within ``timeout`` seconds and was killed; SubjectFailed
                for a program under test.
        """
        return self._start(program, args, port, ready, timeout, env, cwd, stdin=True)

    def start_piped(self, program: str, *args: object) -> Process:
        """Start a program whose output is received completely by a listener of the recorder, which acknowledges it.

        Args:
            program: as in ``start``.
            args: as in ``start``.

        Raises:
            ProgramNotFound: there is no such program on the host.
        """
        return self._start(program, args, None, False, READY_TIMEOUT, None, None, stdin=True, piped=True)

    def run(
        self,
        program: str | Subject,
        *args: object,
        port: int | None = None,
        env: Mapping[str, object] | None = None,
        cwd: str | Path | None = None,
        typed: str | bytes = "",
        timeout: float = 30.0,
    ) -> Exit:
        """Run a program to its end.

        The evidence has the host's socket table from just before the program and from just after it.

        Args:
            program: as in ``start``.
            args: as in ``start``.
            port: what ``{port}`` in the arguments becomes.
            env: as in ``start``.
            cwd: as in ``start``.
            typed: everything that its standard input has.
            timeout: how long the program may run, in seconds.

        Raises:
            BadOption: several hosts have the alias in braces; or there is no directory ``cwd`` on the host.
            ProgramNotFound: there is no such program on the host.
            Timeout: it still runs after ``timeout`` seconds.
        """
        self.ask("sample")
        running = self._start(program, args, port, False, timeout, env, cwd, stdin=bool(typed))
        if typed:
            with contextlib.suppress(ProgramFailed):  # it may end without having read it
                running.type(typed, timeout)
            running.end_input()
        ended = running.wait(timeout)
        self.ask("sample")
        return ended

    def exec(
        self,
        program: str,
        *args: object,
        env: Mapping[str, object] | None = None,
        typed: str | bytes = "",
        timeout: float = 30.0,
    ) -> Exit:
        """Run a program of the joined container's own, inside it, to its end: ``host.exec("redis-cli", "ping")``.

        It has the container's user, folder and variables. ``run`` runs the lab's programs beside the container.

        Args:
            program: a path in the container, or a name on its PATH.
            args: as in ``start``.
            env: variables in addition to the container's.
            typed: everything that its standard input has.
            timeout: how long the program may run, in seconds.

        Raises:
            BadOption: this host is not a joined container.
            ProgramNotFound: the container has no such program.
            Timeout: it still runs after ``timeout`` seconds; it was killed.
        """
        self.ask("sample")
        environment = {variable: str(value) for variable, value in (env or {}).items()}
        running = self._exec(program, args, environment, stdin=bool(typed), piped=False)
        if typed:
            with contextlib.suppress(ProgramFailed):  # it may end without having read it
                running.type(typed, timeout)
            running.end_input()
        try:
            ended = running.wait(timeout)
        except Timeout:
            running.kill()
            raise
        self.ask("sample")
        return ended

    def exec_piped(self, program: str, *args: object) -> Process:
        """Start a program inside the joined container; see ``exec``, and ``start_piped`` for its output."""
        return self._exec(program, args, {}, stdin=True, piped=True)

    @property
    def is_joined(self) -> bool:
        """Whether this host is a joined container, in which ``exec`` runs programs."""
        return self._inside is not None

    def joins(self, programs: OwnPrograms) -> None:
        """Make this host a joined container, whose own programs ``programs`` starts."""
        self._inside = ProgramsInside(self.name, programs, self.handle_event)

    def _exec(
        self, program: str, args: tuple[object, ...], env: Mapping[str, str], *, stdin: bool, piped: bool
    ) -> Process:
        if self._inside is None:
            raise BadOption(f"{self.name} is a host of the lab's own, so run() runs all of its programs.")
        argv = [program, *[self.fill_in(argument) for argument in _arguments(args)]]
        number = self._inside.start(argv, env, stdin=stdin, piped=piped)
        return self._process(number, Path(program).name)

    def socket(self, kind: str = "tcp", port: int | None = None, *, family: int = 4) -> Socket:
        """Make a controlled socket.

        Args:
            kind: "tcp" or "udp".
            port: bind the socket to this port on all addresses; None leaves it unbound.
            family: 4 for an IPv4 socket (AF_INET), 6 for an IPv6 socket (AF_INET6). An IPv6 socket that is bound to all
                addresses takes IPv4 too, unless its option IPV6_V6ONLY is set before; see ipv6(7).

        Raises:
            BadOption: ``kind`` or ``family`` is none of these.
        """
        number = self.ask("open", kind=kind, family=family)
        made = Socket(self, number, family)
        if port is not None:
            made.bind(port)
        return made

    def listen(self, port: int, backlog: int = 128, *, family: int = 4) -> Socket:
        """Make a controlled TCP socket that listens on ``port``. Connections are accepted by ``Socket.accept`` only.

        With ``family`` 6 it listens on all IPv6 addresses, and on all IPv4 addresses; see ``socket``.
        """
        made = self.socket("tcp", port, family=family)
        made.listen(backlog)
        return made

    def connect(self, address: tuple[str, int]) -> Socket:
        """Make a controlled TCP socket and connect it.

        A connect that fails raises nothing; its errno is in the evidence.

        Args:
            address: ``(address, port)``, as ``Host.at`` or ``Host.at6`` makes it; the socket is of its family. A
                link-local address has a scope: ``("fe80::1%eth0", port)``.
        """
        made = self.socket(family=6 if ":" in address[0] else 4)
        made.connect(address)
        return made

    def wait_until(
        self,
        *,
        state: str,
        port: int | None = None,
        count: int = 1,
        where: Predicate | None = None,
        timeout: float = 10.0,
    ) -> None:
        """Wait until the kernel's table has ``count`` sockets that match.

        Args:
            state: the sockets' state, such as "ESTABLISHED".
            port: their local or their remote port; None for any.
            count: how many must match.
            where: a function of a table entry that returns whether it matches, as in
                ``where=lambda entry: entry["timer"] == "probe"``; ``SocketEntry`` of agent/host/inet_diag.py has
                the fields.
            timeout: in seconds.

        Raises:
            Timeout: fewer sockets match after ``timeout`` seconds.
        """
        self.ask("sample")
        self._table.wait_until(SocketFilter(state, port, where), count, timeout)

    def wait_while(
        self, *, state: str, port: int | None = None, where: Predicate | None = None, timeout: float = 10.0
    ) -> None:
        """Wait until no socket of the kernel's table matches; the arguments are those of ``wait_until``.

        Raises:
            Timeout: a socket still matches after ``timeout`` seconds.
        """
        self.ask("sample")
        self._table.wait_while(SocketFilter(state, port, where), timeout)

    def sysctl(self, name: str) -> str:
        """Read a setting of the kernel on this host, such as "net.ipv4.tcp_sack"."""
        return str(self.ask("sysctl", name=name))

    def counters(self) -> None:
        """Record the kernel's counters of this host in the evidence."""
        self.ask("counters")

    def gaps(self) -> list[str]:
        """What programs can do here although they should not, each as the part of a sentence after "a program"."""
        found: list[str] = self.ask("gaps")
        return found

    def processes(self) -> list[dict[str, Any]]:
        """List the processes of the programs started here, zombies included, and record the list in the evidence."""
        found: list[dict[str, Any]] = self.ask("processes")
        return found

    @property
    def testinfra(self) -> "testinfra.host.Host":
        """testinfra's object for this host, as in ``host.testinfra.socket("tcp://7000").is_listening``.

        It runs commands such as ss and ip on the host; they are recorded as programs.

        Raises:
            BadOption: pytest-testinfra is not installed.
        """
        try:
            from badwire.testbed import inspection
        except ModuleNotFoundError as error:
            raise BadOption(
                f"{error.name} is not installed; pip install pytest-testinfra, or badwire with the extra `test`."
            ) from None
        return inspection.inspect(self)

    def fill_in(self, argument: str, port: int | None = None) -> str:
        """An argument of a program as the program gets it; see ``start``."""
        return fill_in(argument, self._names, port)

    def ask(self, do: str, *, within: float = REPLY_TIMEOUT, **parameters: Any) -> Any:
        """Send a request to the host's agent and wait for its reply; see Channel.ask.

        Raises:
            DiskFull: the run's folder cannot be written.
        """
        self._recorder.check()
        if self._is_inside(parameters):
            return self.begin(do, **parameters).result(within)
        return self._channel.ask(do, within=within, **parameters)

    def begin(self, do: str, **parameters: Any) -> Reply:
        """Send a request to the host's agent and return at once; see Channel.begin.

        Raises:
            DiskFull: the run's folder cannot be written.
        """
        self._recorder.check()
        if self._inside is not None and self._is_inside(parameters):
            return self._inside.request(do, **parameters)
        return self._channel.begin(do, **parameters)

    @staticmethod
    def _is_inside(parameters: Mapping[str, Any]) -> bool:
        """Whether a request is about a program inside the joined container."""
        return int(parameters.get("program", 0)) >= FIRST_INSIDE

    def break_off(self, error: LabError) -> None:
        """End the lab with this error at its next request to a host, or at its end."""
        self._recorder.fail(error)

    def kill_programs(self) -> None:
        """Kill the programs that still run. The segments that this causes are still captured."""
        for process in tuple(self._processes.values()):
            if process.running:
                process.kill()

    def handle_event(self, event: Message) -> None:
        """Record an event of this host's agent and pass it on. Called in the channel's thread."""
        kind = event.pop("event")
        if kind == "lost":
            self._recorder.record("lost", host=self.name, text=str(event["error"]))
            self.fail(event["error"])
            return
        if kind == "program":
            fields = dict(event)
            what = fields.pop("what")
            self._recorder.record("program", host=self.name, event=what, **fields)
        else:
            self._recorder.record(kind, host=self.name, **event)
        if kind == "sample":
            self._table.update(event)
        elif kind in ("program", "output"):
            self._update_process({"event": kind, **event})

    def fail(self, error: LabError) -> None:
        """Make every wait on this host raise ``error``, since the agent has ended."""
        self._table.fail(error)
        with self._processes_lock:
            processes = tuple(self._processes.values())
        for process in processes:
            process.fail(error)

    def _start(
        self,
        program: str | Subject,
        args: tuple[object, ...],
        port: int | None,
        ready: bool,
        timeout: float,
        env: Mapping[str, object] | None,
        cwd: str | Path | None,
        *,
        stdin: bool,
        piped: bool = False,
    ) -> Process:
        known_as = None
        if isinstance(program, Subject):
            known_as = program.name
            args = (*program.arguments, *args)
            program = program.program
        own = "/" in program or known_as is not None
        if own and ready and port is None:
            raise BadOption(
                f"{program} counts as ready when it listens on a port, and no port is given: give port=, or ready=False"
            )
        name = os.path.abspath(program) if "/" in program else program
        if "/" not in program and self._programs is not None:
            name = str(self._programs.path(program))
        criterion = None
        if ready:
            criterion = "listens" if own else "announces"
        arguments = [self.fill_in(argument, port) for argument in _arguments(args)]
        try:
            answer = self.ask(
                "start",
                within=timeout + REPLY_TIMEOUT,
                name=name,
                known_as=known_as,
                args=arguments,
                env={variable: str(value) for variable, value in {**self.environment, **(env or {})}.items()},
                cwd=None if cwd is None else str(Path(cwd).absolute()),
                ready=criterion,
                port=port,
                timeout=timeout,
                stdin=stdin,
                piped=piped,
            )
        except ProgramFailed as failure:
            if known_as is None:
                raise
            raise SubjectFailed(str(failure)) from None
        return self._process(answer["program"], known_as or Path(program).name)

    def _process(self, number: int, name: str) -> Process:
        with self._processes_lock:
            if number not in self._processes:
                self._processes[number] = Process(self, number, name)
            return self._processes[number]

    def _update_process(self, event: Message) -> None:
        process = self._process(event["program"], event.get("name", ""))
        if event.get("what") == "start":
            process.name = event["name"]
        if event["event"] == "output":
            stream = event["stream"]
            file = f"{self.name}-{process.number}-{process.name}.{stream}"
            self._recorder.output(file, event["text"])
        process.handle_event(event)


def _arguments(args: tuple[object, ...]) -> list[str]:
    """The arguments as the program gets them: a tuple is one argument for each of its parts."""
    arguments: list[str] = []
    for arg in args:
        if isinstance(arg, tuple):
            arguments += [str(part) for part in arg]
        else:
            arguments.append(str(arg))
    return arguments
