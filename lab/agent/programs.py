"""The programs of one host: started without any right, watched until they are ready, reaped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab.agent import system, terminal
from lab.agent.inet_diag import SocketEntry
from lab.agent.launcher import Launcher
from lab.agent.loop import Loop
from lab.agent.messages import Message
from lab.agent.program import Program
from lab.agent.terminal import Terminal
from lab.errors import LabError, ProgramFailed, ProgramNotFound

REFERENCE = Path(__file__).parents[2] / "images" / "host" / "programs"
SHELVES = REFERENCE, REFERENCE / "faulty"  # no name stands on both

SIT = sys.executable, "-S", str(Path(__file__).with_name("sit.py"))

Ready = Callable[[LabError | None, Program], None]


class Programs:
    """``changed`` is called with a cause whenever a program may have changed the table of sockets."""

    def __init__(
        self,
        loop: Loop,
        emit: Callable[[Message], None],
        changed: Callable[[str], None],
        scratch: str,
        user: int | None,
    ) -> None:
        self._loop, self._emit, self._changed = loop, emit, changed
        self._scratch = scratch
        self._user, self._launcher = user, Launcher(user)
        self._all: dict[int, Program] = {}
        self._expected: dict[Program, tuple[int, set[int]]] = {}
        signal.signal(signal.SIGCHLD, lambda *_: loop.from_thread(self._reap))

    def start(self, request: Message, ready: Ready, sockets: list[SocketEntry]) -> None:
        """Start ``request["name"]`` with ``request["args"]``; ``ready`` is called once it is ready, or never will be.

        Raises:
            ProgramNotFound: there is no such program, or it cannot be executed.
        """
        argv = _argv(request["name"], request["args"])
        try:
            process = self._spawn(argv, request.get("env", {}))
        except OSError as error:
            why = f"{request['name']} cannot be started on this host ({error.strerror})"
            raise ProgramNotFound(f"{why}; is it an executable file whose interpreter is there?") from None
        program = Program(len(self._all) + 1, Path(request["name"]).name, process, self._emit)
        self._all[program.number] = program
        program.tell("program", what="start", name=program.name, argv=argv, pid=process.pid)
        program.on_ready = lambda failure: ready(failure, program)
        self._await_ready(program, request, sockets)
        program.read(self._loop)

    def sit_down(self, request: Message) -> Terminal:
        """Start ``request["argv"]``, or a shell if that is empty, on a terminal of its own.

        Raises:
            ProgramFailed: this host gives no terminal, or no process.
        """
        argv = request["argv"] or shell()
        try:
            ours, theirs = terminal.pair(request["rows"], request["columns"], shared=self._user is not None)
            try:
                shelves = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, SHELVES)])
                process = self._spawn([*SIT, *argv], {"PATH": shelves, **request["env"]}, theirs)
            finally:
                os.close(theirs)
        except OSError as error:
            raise ProgramFailed(f"{argv[0]} cannot have a terminal on this host ({error.strerror})") from None
        program = Terminal(len(self._all) + 1, Path(argv[0]).name, process, self._emit, ours)
        self._all[program.number] = program
        program.tell("program", what="start", name=program.name, argv=argv, pid=process.pid)
        program.read(self._loop)
        return program

    def terminal(self, number: int) -> Terminal:
        """The terminal that was opened under this number."""
        found = self._all[number]
        assert isinstance(found, Terminal)
        return found

    def saw_table(self, sockets: list[SocketEntry]) -> None:
        """A program that does not speak to the lab is ready when a socket that was not there before listens."""
        for program, (port, before) in tuple(self._expected.items()):
            if _listening_on(sockets, port) - before:
                del self._expected[program]
                program.became_ready(None)

    def signal(self, number: int, name: str, everybody: bool) -> None:
        """Send a signal to a program or, as the terminal's Ctrl-C does, to all of its processes."""
        program, which = self._all[number], signal.Signals[name]
        program.tell("program", what="signal", signal=name)
        if everybody:
            program.send_to_all(which)
        else:
            program.send(which)
        self._changed("program")

    def processes(self) -> list[Message]:
        """The processes that belong to programs: each program is the leader of a session of its own."""
        owners = {program.process.pid: program.number for program in self._all.values()}
        every = [(owners.get(entry.pop("session")), entry) for entry in system.processes()]
        return [{**entry, "program": owner} for owner, entry in every if owner is not None]

    def _spawn(
        self, argv: list[str], environment: dict[str, str], terminal: int | None = None
    ) -> subprocess.Popen[bytes]:
        kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        own = {"HOME": self._scratch, "TMPDIR": self._scratch, "PYTHONUNBUFFERED": "1"}
        return self._launcher.start(argv, {"LANG": "C.UTF-8", **kept, **own, **environment}, self._scratch, terminal)

    def _await_ready(self, program: Program, request: Message, sockets: list[SocketEntry]) -> None:
        how, port, seconds = request["ready"], request["port"], request["timeout"]
        if how is None:
            program.became_ready(None)
            return
        program.says_ready = how == "says"
        if how == "listens":
            self._expected[program] = (port, _listening_on(sockets, port))
        wanted = "said 'ready'" if how == "says" else f"listened on port {port}"
        due = time.monotonic_ns() + int(seconds * 1e9)
        program.deadline = self._loop.at(due, lambda: program.never_ready(wanted, seconds))

    def _reap(self) -> None:
        """As PID 1 of a container we also get the orphans of programs; they are reaped without a word."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for program in self._all.values():
                if program.process.pid == pid and program.process.returncode is None:
                    self._expected.pop(program, None)
                    program.end(os.waitstatus_to_exitcode(status))
                    self._changed("program")


def shell() -> list[str]:
    """The best shell that this host has, without anybody's own settings."""
    return ["/bin/bash", "--norc", "--noprofile"] if Path("/bin/bash").exists() else ["/bin/sh"]


def _argv(name: str, args: list[str]) -> list[str]:
    if "/" not in name:
        for path in (shelf / f"{name}.py" for shelf in SHELVES):
            if path.is_file():
                return [sys.executable, "-S", str(path), *args]  # they need no site-packages
        there = sorted(file for shelf in SHELVES for file in shelf.glob("*.py") if os.access(file, os.X_OK))
        known = ", ".join(file.stem for file in there)
        own = "a program of your own needs a path with a slash"
        raise ProgramNotFound(f"there is no reference program {name}, only {known}; {own}")
    if not Path(name).is_file():
        raise ProgramNotFound(f"no file {name} on this host; a container sees only what mounts= names")
    if not os.access(name, os.X_OK):
        raise ProgramNotFound(f"{name} is not executable; chmod +x it")
    return [name, *args]


def _listening_on(sockets: list[SocketEntry], port: int) -> set[int]:
    listening = (("tcp", "LISTEN"), ("udp", "CLOSE"))  # a bound UDP socket that is not connected is in CLOSE
    return {s["inode"] for s in sockets if s["local"][1] == port and (s["proto"], s["state"]) in listening}
