"""The programs of one host: started, awaited until they are ready, signalled and reaped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from badwire.agent.event_loop import Loop
from badwire.agent.host import system
from badwire.agent.host.defaults import ProgramDefaults
from badwire.agent.host.inet_diag import SocketEntry
from badwire.agent.host.launcher import Launcher
from badwire.agent.host.program import HostProgram
from badwire.agent.host.terminal import Terminal, open_terminal
from badwire.errors import BadOption, LabError, ProgramFailed, ProgramNotFound
from badwire.util import project
from badwire.util.jsonlines import Message, MessageHandler

PROGRAMS = "BADWIRE_PROGRAMS"
"""The environment variable with the directory of the reference programs, if they are not where the project has them."""

# Without the links of a virtual environment: how many there are, and in which directories, differs between clones.
_PYTHON = os.path.realpath(sys.executable)
# Its text and not its path, which programs may not see, and which differs between clones.
SET_TERMINAL = (_PYTHON, "-I", "-S", "-c", Path(__file__).with_name("set_terminal.py").read_text(encoding="utf-8"))
_LISTENING_STATES = {
    "tcp": "LISTEN",
    "udp": "CLOSE",  # of a UDP socket that is bound but not connected
}
Ready = Callable[[LabError | None, HostProgram], None]


class ExpectedListener(NamedTuple):
    """A port that a program is to listen on; ``inodes_before`` are those of the sockets that already listened there."""

    port: int
    inodes_before: set[int]


class Programs:
    """Starts programs and keeps track of them.

    Args:
        changed: called with a cause whenever a program may have changed the socket table.
        defaults: what every program gets.
    """

    def __init__(
        self,
        loop: Loop,
        emit: MessageHandler,
        changed: Callable[[str], None],
        defaults: ProgramDefaults,
    ) -> None:
        self._loop = loop
        self._emit = emit
        self._changed = changed
        self._defaults = defaults
        self._programs: dict[int, HostProgram] = {}
        self._expected: dict[HostProgram, ExpectedListener] = {}  # the programs that are ready when they listen
        signal.signal(signal.SIGCHLD, lambda *_: loop.from_thread(self._reap))

    def confine(self) -> None:
        """Confine what is started from now on. Called once, before any program is started.

        ``gaps`` is then what cannot be confined here; see `Confinement`.
        """
        confinement = self._defaults.confine()
        self._show = confinement.show
        self.gaps = confinement.gaps
        self._launcher = Launcher(confinement)

    def come_last(self) -> None:
        """Let the programs that are started from now on run only while none of the lab's own processes wants to."""
        self._launcher.come_last()

    def start(self, request: Message, ready: Ready, sockets: list[SocketEntry]) -> None:
        """Start ``request["name"]`` with ``request["args"]``.

        Args:
            ready: called once, when the program is ready or when it is certain that it never will be.
            sockets: the current socket table, for a program that is ready when it listens.

        Raises:
            BadOption: there is no such working directory.
            ProgramNotFound: there is no such program, or it cannot be executed.
        """
        name = request["name"]
        self._make_visible(name)
        argv = self._launcher.call(_argv, name, request["args"])
        known_as = request["known_as"]  # on record, in place of its file
        recorded = [known_as, *request["args"]] if known_as else argv
        directory = request["cwd"] or self._defaults.directory
        if not self._launcher.call(os.path.isdir, directory):
            raise BadOption(
                f"cwd= names {directory}, which is not a directory on this host; a host sees only what mounts= names"
            )
        try:
            process = self._spawn(argv, request["env"], directory, stdin=request["stdin"])
        except ValueError as error:  # a zero byte, or a variable's name with =
            raise BadOption(
                f"{name} cannot be started with these arguments and variables ({error}); correct them"
            ) from None
        except OSError as error:
            if error.filename == directory:
                raise BadOption(
                    f"cwd= names {directory}, which programs may not enter on this host ({error.strerror}); change its"
                    " permissions, or name another"
                ) from None
            raise ProgramNotFound(
                f"{name} cannot be started on this host ({error.strerror}); check that it is executable and that its"
                " interpreter exists, and name that in mounts= if it is not one of this machine's own"
            ) from None
        number = self._next_number()
        program = HostProgram(number, known_as or Path(name).name, process, self._emit, request["piped"])
        self._add(program, recorded)
        program.on_ready = lambda failure: ready(failure, program)
        self._await_ready(program, request, sockets)
        program.read(self._loop)

    def start_on_terminal(self, request: Message) -> Terminal:
        """Start ``request["argv"]``, or a shell if that is empty, on a terminal of its own.

        Raises:
            ProgramFailed: this host has no terminal or no process to spare.
        """
        argv = request["argv"] or shell()
        path = request["env"].get("PATH") or self._defaults.variables.get("PATH", os.defpath)
        for folder in program_folders():
            path += f"{os.pathsep}{folder}"
        environment = {**request["env"], "PATH": path}
        self._make_visible(argv[0])
        shared = self._launcher.user is not None
        try:
            master, slave = self._launcher.call(open_terminal, request["rows"], request["columns"], shared)
            try:
                process = self._spawn([*SET_TERMINAL, *argv], environment, self._defaults.directory, slave)
            finally:
                os.close(slave)
        except OSError as error:
            raise ProgramFailed(
                f"{argv[0]} cannot have a terminal on this host ({error.strerror}); end other programs there"
            ) from None
        name = Path(argv[0]).name
        program = Terminal(self._next_number(), name, process, self._emit, master)
        self._add(program, argv)
        program.read(self._loop)
        return program

    def program(self, number: int) -> HostProgram:
        """The program that was started under this number."""
        return self._programs[number]

    def terminal(self, number: int) -> Terminal:
        """The terminal that was opened under this number."""
        found = self._programs[number]
        assert isinstance(found, Terminal)
        return found

    def table_sampled(self, sockets: list[SocketEntry]) -> None:
        """Find the programs that are ready, in a new sample: one of their sockets listens that did not before."""
        for program, expected in tuple(self._expected.items()):
            new_inodes = _listening_on(sockets, expected.port) - expected.inodes_before
            if new_inodes:
                del self._expected[program]
                program.became_ready(None)

    def read_now(self) -> None:
        """Read what the programs without a terminal have written until now."""
        for program in self._programs.values():
            if not isinstance(program, Terminal):
                program.read_now()

    def signal(self, number: int, name: str, group: bool) -> None:
        """Send a signal to a program or, as Ctrl-C at a terminal does, to its process ``group``."""
        program = self._programs[number]
        which = signal.Signals[name]
        program.emit("program", what="signal", signal=name)
        if group:
            program.send_to_group(which)
        else:
            program.send(which)
        self._changed("program")

    def processes(self) -> list[Message]:
        """The processes of all programs, each with its program's number; a program leads a session of its own."""
        numbers: dict[int, int] = {}  # by the program's process id, which is its session's id
        for program in self._programs.values():
            numbers[program.pid] = program.number
        found: list[Message] = []
        for process in self._launcher.call(system.processes):
            number = numbers.get(process.pop("session"))
            if number is not None:
                process["program"] = number
                found.append(process)
        return found

    def _make_visible(self, program: str) -> None:
        if os.path.isabs(program):
            try:
                self._show(program)
            except OSError as error:
                raise ProgramNotFound(f"{program} cannot be shown to this host ({error}); name it in mounts=") from None

    def _next_number(self) -> int:
        return len(self._programs) + 1

    def _add(self, program: HostProgram, argv: list[str]) -> None:
        self._programs[program.number] = program
        program.emit("program", what="start", name=program.name, argv=argv, pid=program.pid)

    def _spawn(
        self,
        argv: list[str],
        environment: dict[str, str],
        directory: str,
        terminal: int | None = None,
        stdin: bool = False,
    ) -> subprocess.Popen[bytes]:
        variables = {
            "LANG": "C.UTF-8",
            "HOME": self._defaults.home,
            "TMPDIR": self._defaults.home,
            "PYTHONUNBUFFERED": "1",
            **self._defaults.variables,
            **environment,
        }
        return self._launcher.start(argv, variables, directory, terminal, stdin)

    def _await_ready(self, program: HostProgram, request: Message, sockets: list[SocketEntry]) -> None:
        criterion = request["ready"]
        port = request["port"]
        seconds = request["timeout"]
        if criterion is None:
            program.became_ready(None)
            return
        if criterion == "listens":
            self._expected[program] = ExpectedListener(port, _listening_on(sockets, port))
            condition = f"listened on port {port}"
        else:
            program.announces_ready = True
            condition = "printed 'ready'"
        due = time.monotonic_ns() + int(seconds * 1e9)
        program.deadline = self._loop.at(due, lambda: program.not_ready_in_time(condition, seconds))

    def _reap(self) -> None:
        """Reap every process that has ended; as PID 1 of a container these include the programs' orphans."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            for program in self._programs.values():
                if program.process.pid == pid and program.process.returncode is None:
                    self._expected.pop(program, None)
                    program.end(code)
                    self._changed("program")


def shell() -> list[str]:
    """The command line of bash where this host has it, else of sh; without a user's own settings."""
    if Path("/bin/bash").exists():
        return ["/bin/bash", "--norc", "--noprofile"]
    return ["/bin/sh"]


def program_folders() -> tuple[Path, Path]:
    """Where the reference programs are; no name is in both."""
    folder = Path(os.environ.get(PROGRAMS) or project.PROGRAMS)
    return folder, folder / "faulty"


def _argv(name: str, args: list[str]) -> list[str]:
    if "/" not in name:
        path = _reference_program(name)
        return [_PYTHON, "-S", str(path), *args]  # they need no site-packages
    if not Path(name).is_file():
        raise ProgramNotFound(f"there is no file {name} on this host; a host sees only what mounts= names")
    if not os.access(name, os.X_OK):
        raise ProgramNotFound(f"{name} is not executable; chmod +x it")
    return [name, *args]


def _reference_program(name: str) -> Path:
    for folder in program_folders():
        path = folder / f"{name}.py"
        if path.is_file():
            return path
    files: list[Path] = []
    for folder in program_folders():
        files += [file for file in folder.glob("*.py") if os.access(file, os.X_OK)]
    known = ", ".join(file.stem for file in sorted(files))
    raise ProgramNotFound(
        f"there is no reference program {name}, only {known}; name a program of your own by a path with a slash"
    )


def _listening_on(sockets: list[SocketEntry], port: int) -> set[int]:
    """The inodes of the sockets that accept connections or datagrams on a port."""
    inodes: set[int] = set()
    for entry in sockets:
        _, local_port = entry["local"]
        if local_port == port and entry["state"] == _LISTENING_STATES[entry["proto"]]:
            inodes.add(entry["inode"])
    return inodes
