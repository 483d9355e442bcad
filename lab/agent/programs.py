"""Programs on a host: started, watched until they are ready, their output kept, stopped, and never left behind."""

import contextlib
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from lab.agent import libc
from lab.agent.inet_diag import SocketEntry
from lab.agent.loop import Loop, Timer
from lab.agent.messages import Message
from lab.errors import LabError, ProgramFailed, ProgramNotFound

REFERENCE = Path(__file__).parents[2] / "images" / "host" / "programs"
OUTPUT_LIMIT = 1 << 20  # bytes kept of each stream of a program; more is read and thrown away
READY = re.compile(rb"^ready\b", re.MULTILINE)

_CHUNK = 1 << 16
_PROCESSES = 4096  # RLIMIT_NPROC counts all of a user's processes, so this only stops a runaway
_MEMORY = 2 << 30  # bytes that each process may write to (RLIMIT_DATA: what is only reserved does not count)


class Program:
    """One started program; ``ready`` and ``ended`` are told once each, through the callbacks given."""

    def __init__(self, number: int, name: str, process: subprocess.Popen[bytes], emit: Callable[[Message], None]) -> None:
        self.number, self.name, self.process = number, name, process
        self._emit = emit
        self.kept = {"out": 0, "err": 0}
        self.last_line = b""
        self.status: int | None = None
        self.on_ready: Callable[[LabError | None], None] | None = None
        self.says_ready = False
        self.deadline: Timer | None = None

    def output(self, stream: str, data: bytes) -> None:
        room = OUTPUT_LIMIT - self.kept[stream]
        self.kept[stream] += len(data)
        if room > 0:
            text = data[:room].decode("utf-8", "backslashreplace")
            self._emit(self.event("output", stream=stream, text=text))
            if len(data) > room:
                self._emit(self.event("output", stream=stream, text=f"\n[the lab keeps {OUTPUT_LIMIT} bytes of each stream; the rest is thrown away]\n"))
        lines = data.strip().splitlines()
        if lines and (stream == "err" or not self.last_line):
            self.last_line = lines[-1][-200:]
        if stream == "out" and self.says_ready and READY.search(data):
            self.became_ready(None)

    def became_ready(self, failure: LabError | None) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
        if self.on_ready is not None:
            tell, self.on_ready = self.on_ready, None
            if failure is None:
                self._emit(self.event("program", what="ready"))
            tell(failure)

    def event(self, event: str, **more: Any) -> Message:
        return {"event": event, "program": self.number, "t": time.monotonic_ns(), **more}


class Programs:
    """All programs of one host."""

    def __init__(self, loop: Loop, emit: Callable[[Message], None], changed: Callable[[str], None], scratch: str, user: int | None) -> None:
        self._loop, self._emit, self._changed = loop, emit, changed
        self._scratch, self._user = scratch, user
        self._all: dict[int, Program] = {}
        self._listeners: dict[Program, tuple[int, set[int]]] = {}
        signal.signal(signal.SIGCHLD, lambda *_: loop.from_thread(self._reap))

    def start(self, request: Message, ready: Callable[[LabError | None, Program], None], listening: list[SocketEntry]) -> Program:
        """Start ``request["name"]`` with ``request["args"]``; ``ready`` is called once it is ready, or will never be.

        Raises:
            ProgramNotFound: there is no such program, or it cannot be executed.
        """
        argv = _argv(request["name"], request["args"])
        number = len(self._all) + 1
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self._scratch,
                env=self._environment(request),
                start_new_session=True,
                preexec_fn=self._become_a_program,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
            )
        except OSError as error:
            raise ProgramNotFound(f"{request['name']} cannot be started on this host ({error.strerror}); is it an executable file there?") from None
        program = Program(number, request["name"], process, self._emit)
        self._all[number] = program
        self._emit(program.event("program", what="start", name=Path(request["name"]).name, argv=argv, pid=process.pid))
        self._read(program)
        program.on_ready = lambda failure: ready(failure, program)
        self._expect_ready(program, request, listening)
        return program

    def _expect_ready(self, program: Program, request: Message, listening: list[SocketEntry]) -> None:
        how = request["ready"]
        if how is None:
            program.became_ready(None)
            return
        program.says_ready = how == "says"
        if how == "listens":
            self._listeners[program] = (request["port"], _listening_on(listening, request["port"]))
        program.deadline = self._loop.at(time.monotonic_ns() + int(request["timeout"] * 1e9), lambda: self._never_ready(program, request))

    def _never_ready(self, program: Program, request: Message) -> None:
        self._listeners.pop(program, None)
        self._signal_all_of(program, signal.SIGKILL)
        wanted = "said 'ready'" if program.says_ready else f"listened on port {request['port']}"
        program.became_ready(ProgramFailed(f"{program.name} never {wanted} within {request['timeout']:g} s{_last(program)}; it was killed"))

    def saw_table(self, sockets: list[SocketEntry]) -> None:
        """A program that does not speak to the lab is ready when a socket that was not there before listens on its port."""
        for program, (port, before) in tuple(self._listeners.items()):
            if _listening_on(sockets, port) - before:
                del self._listeners[program]
                program.became_ready(None)

    def signal(self, number: int, name: str, everybody: bool) -> None:
        """Send a signal to a program, or (as the terminal's Ctrl-C does) to all of its processes; one that has ended gets none."""
        program = self._all[number]
        which = signal.Signals[name]
        self._emit(program.event("program", what="signal", signal=name))
        if everybody:
            self._signal_all_of(program, which)
        elif program.status is None:
            program.process.send_signal(which)
        self._changed("program")

    def _signal_all_of(self, program: Program, which: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.process.pid, which)

    def _environment(self, request: Message) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        return {"LANG": "C.UTF-8", **kept, "HOME": self._scratch, "TMPDIR": self._scratch, "PYTHONUNBUFFERED": "1", **request.get("env", {})}

    def _become_a_program(self) -> None:
        for limit, wanted in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_NPROC, _PROCESSES), (resource.RLIMIT_DATA, _MEMORY)):
            highest = resource.getrlimit(limit)[1]
            lower = wanted if highest == resource.RLIM_INFINITY else min(wanted, highest)
            resource.setrlimit(limit, (lower, lower))
        libc.give_up_all()

    def _read(self, program: Program) -> None:
        for stream, pipe in (("out", program.process.stdout), ("err", program.process.stderr)):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            self._loop.reader(pipe.fileno(), self._reader(program, stream, pipe))

    def _reader(self, program: Program, stream: str, pipe: IO[bytes]) -> Callable[[], None]:
        def read() -> None:
            try:
                data = os.read(pipe.fileno(), _CHUNK)
            except BlockingIOError:
                return
            if data:
                program.output(stream, data)
                return
            self._loop.forget(pipe.fileno())
            pipe.close()

        return read

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
                if program.process.pid == pid and program.status is None:
                    self._ended(program, os.waitstatus_to_exitcode(status))

    def _ended(self, program: Program, code: int) -> None:
        program.status = program.process.returncode = code
        for stream, pipe in (("out", program.process.stdout), ("err", program.process.stderr)):
            assert pipe is not None
            while not pipe.closed:  # what it wrote before it ended is told before its end is
                try:
                    data = os.read(pipe.fileno(), _CHUNK)
                except BlockingIOError:
                    break
                if not data:
                    break
                program.output(stream, data)
        ended = f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"
        self._listeners.pop(program, None)
        program.became_ready(ProgramFailed(f"{program.name} ended at once with {ended}, before it was ready{_last(program)}"))
        self._emit(program.event("program", what="exit", status=code if code >= 0 else None, signal=signal.Signals(-code).name if code < 0 else None))
        self._changed("program")


def _argv(name: str, args: list[str]) -> list[str]:
    if "/" in name:
        path = Path(name)
        if not path.is_file():
            raise ProgramNotFound(f"no program {name} on this host; give the path of a file there (containers see only what mounts= names)")
        if not os.access(path, os.X_OK):
            raise ProgramNotFound(f"{name} is not executable; chmod +x it")
        return [name, *args]
    path = REFERENCE / f"{name}.py"
    if not path.is_file():
        known = ", ".join(sorted(entry.stem for entry in REFERENCE.glob("*.py")))
        raise ProgramNotFound(f"no reference program {name}; there are: {known}; a program of your own needs a path with a slash")
    return [sys.executable, str(path), *args]


def _last(program: Program) -> str:
    text = program.last_line.decode("utf-8", "backslashreplace")
    return f"; its last words: {text}" if text else ""


def _listening_on(sockets: list[SocketEntry], port: int) -> set[int]:
    return {
        entry["inode"]
        for entry in sockets
        if entry["local"][1] == port and (entry["state"] == "LISTEN" or (entry["proto"] == "udp" and entry["state"] == "CLOSE"))
    }
