"""The programs of one host: started without any right, watched until they are ready, reaped.

Starts programs without any right, from a thread that has none itself.

A program inherits its rights from the thread that starts it, so nothing of ours has to run between fork and exec. That
matters: Python then starts it by vfork(2), which copies no page of the agent's memory.

One program on a host: what it wrote, whether it is ready, how it ended.

A program with a terminal of its own: a shell on a host, whose bytes go both ways.

What it shows goes out as events, which nobody records, and only so far ahead of whoever reads as WINDOW says: a reader
who stopped reading stops the program, as at any terminal, and nothing else of the host.
"""

import contextlib
import errno
import os
import re
import resource
import signal
import subprocess
import sys
import termios
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from badwire.agent.event_loop import Loop, Timer
from badwire.agent.host import system
from badwire.agent.host.inet_diag import SocketEntry
from badwire.errors import LabError, ProgramFailed, ProgramNotFound
from badwire.linux import libc
from badwire.util import project
from badwire.util.jsonlines import Message

_LIMITS = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_NPROC, 4096),  # counts all of a user's processes, so this only stops a runaway
    (resource.RLIMIT_DATA, 2 << 30),  # bytes that a process may write to; what is only reserved does not count
)
_TYPED_IN = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)  # ignored in a shell's background jobs


class Launcher:
    """One a host. What an agent itself may do stays as it is, but for the limits, which it shares with its programs.

    They run as ``user``; None: as whoever the agent is.
    """

    def __init__(self, user: int | None) -> None:
        self._user = user
        for limit, wanted in _LIMITS:
            highest = resource.getrlimit(limit)[1]
            lower = wanted if highest == resource.RLIM_INFINITY else min(wanted, highest)
            resource.setrlimit(limit, (lower, lower))
        for each in _TYPED_IN:
            if signal.getsignal(each) is signal.SIG_IGN:
                signal.signal(each, lambda *_: None)  # exec makes the default of it, as at a terminal; ignored stays
        # What it takes to become another user is lost in becoming one.
        change = () if user is None else (libc.CAP_SETUID, libc.CAP_SETGID)
        self._thread = ThreadPoolExecutor(1, "launcher", libc.give_up_all, change)

    def start(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: str, terminal: int | None = None
    ) -> "subprocess.Popen[bytes]":
        """The program, with pipes for what it writes or on a ``terminal``, as leader of a session of its own.

        Raises:
            OSError: it cannot be executed.
        """
        return self._thread.submit(
            subprocess.Popen,
            argv,
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=subprocess.PIPE if terminal is None else terminal,
            stderr=subprocess.PIPE if terminal is None else terminal,
            cwd=folder,
            env=environment,
            start_new_session=True,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
        ).result()


OUTPUT_LIMIT = 1 << 20  # bytes kept of each stream of a program; more is read and thrown away
READY = re.compile(rb"^ready\b", re.MULTILINE)
_CHUNK = 1 << 16
_CUT = f"\n[the lab keeps {OUTPUT_LIMIT} bytes of each stream; the rest is thrown away]\n"


class Program:
    """A started program. ``on_ready`` is told once: None when it is ready, or why it never will be."""

    def __init__(
        self, number: int, name: str, process: subprocess.Popen[bytes], emit: Callable[[Message], None]
    ) -> None:
        self.number, self.name, self.process = number, name, process
        self._emit = emit
        self._kept = {"out": 0, "err": 0}
        self._last_line = b""
        self._ended = False
        self.on_ready: Callable[[LabError | None], None] | None = None
        self.says_ready = False
        self.deadline: Timer | None = None

    def read(self, loop: Loop) -> None:
        """Take what it writes from now on."""
        for stream, pipe in self._pipes():
            os.set_blocking(pipe.fileno(), False)
            loop.reader(pipe.fileno(), self._reader(loop, stream, pipe))

    def became_ready(self, failure: LabError | None) -> None:
        """It is ready, or ``failure`` says why it will not be; the first word counts."""
        if self.deadline is not None:
            self.deadline.cancel()
        if self.on_ready is not None:
            tell, self.on_ready = self.on_ready, None
            if failure is None:
                self.tell("program", what="ready")
            tell(failure)

    def never_ready(self, wanted: str, seconds: float) -> None:
        """Its time is over: it is killed."""
        self.send_to_all(signal.SIGKILL)
        late = f"{self.name} never {wanted} within {seconds:g} s{self._last_words()}; it was killed"
        self.became_ready(ProgramFailed(late))

    def send(self, which: signal.Signals) -> None:
        """A program that has ended gets none."""
        if not self._ended:
            self.process.send_signal(which)

    def send_to_all(self, which: signal.Signals) -> None:
        """To the program and those of its children that stayed in its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, which)

    def end(self, code: int) -> None:
        """It was reaped with this exit code (a signal's number, negative)."""
        self._ended, self.process.returncode = True, code
        for stream, pipe in self._pipes():  # what it wrote before it ended is told before its end is
            while not pipe.closed and (data := _read(pipe)):
                self._output(stream, data)
        by = signal.Signals(-code).name if code < 0 else None
        how = f"signal {by}" if by else f"status {code}"
        early = f"{self.name} ended at once with {how}, before it was ready{self._last_words()}"
        self.became_ready(ProgramFailed(early))
        self.tell("program", what="exit", status=None if by else code, signal=by)

    def tell(self, event: str, **more: Any) -> None:
        self._emit({"event": event, "program": self.number, "t": time.monotonic_ns(), **more})

    def _pipes(self) -> list[tuple[str, IO[bytes]]]:
        assert self.process.stdout is not None and self.process.stderr is not None
        return [("out", self.process.stdout), ("err", self.process.stderr)]

    def _reader(self, loop: Loop, stream: str, pipe: IO[bytes]) -> Callable[[], None]:
        def read() -> None:
            data = _read(pipe)
            if data:
                self._output(stream, data)
            elif data is not None:
                loop.forget(pipe.fileno())
                pipe.close()

        return read

    def _output(self, stream: str, data: bytes) -> None:
        room = OUTPUT_LIMIT - self._kept[stream]
        self._kept[stream] += len(data)
        if room > 0:
            self.tell("output", stream=stream, text=data[:room].decode("utf-8", "backslashreplace"))
        if 0 <= room < len(data):
            self.tell("output", stream=stream, text=_CUT)
        lines = data.strip().splitlines()
        if lines and (stream == "err" or not self._last_line):
            self._last_line = lines[-1][-200:]
        if stream == "out" and self.says_ready and READY.search(data):
            self.became_ready(None)

    def _last_words(self) -> str:
        text = self._last_line.decode("utf-8", "backslashreplace")
        return f"; its last words: {text}" if text else ""


def _read(pipe: IO[bytes]) -> bytes | None:
    """What is there; empty at the end, None when there is nothing yet."""
    try:
        return os.read(pipe.fileno(), _CHUNK)
    except BlockingIOError:
        return None


WINDOW = 1 << 16  # bytes on their way to the reader
_TERMINAL_CHUNK = 1 << 14
_FOR_ALL = 0o666  # in a container, where the program is another user than its terminal's
Done = Callable[[], None]


def pair(rows: int, columns: int, shared: bool) -> tuple[int, int]:
    """A new terminal: our end and the program's. ``shared``: other users on this host may open it by its name."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(ours, (rows, columns))
    if shared:
        os.fchmod(theirs, _FOR_ALL)
    os.set_blocking(ours, False)
    return ours, theirs


class Terminal(Program):
    """``master`` is our end; the loop takes what the program shows from when ``read`` is called."""

    def __init__(
        self, number: int, name: str, process: "subprocess.Popen[bytes]", emit: Callable[[Message], None], master: int
    ) -> None:
        super().__init__(number, name, process, emit)
        self._master: int | None = master
        self._unread = 0
        self._typed: deque[tuple[bytes, Done]] = deque()

    def read(self, loop: Loop) -> None:
        self._loop = loop
        assert self._master is not None
        loop.reader(self._master, self._show)

    def type(self, data: bytes, done: Done) -> None:
        """What the user types; ``done`` is called when the terminal has taken all of it, or is gone."""
        self._typed.append((data, done))
        if self._master is None:
            self.hang_up()
        elif len(self._typed) == 1:
            self._write()

    def took(self, size: int) -> None:
        """So many bytes more are with whoever reads them."""
        self._unread -= size
        if self._master is not None and self._unread < WINDOW:
            self._loop.reader(self._master, self._show)

    def resize(self, rows: int, columns: int) -> None:
        """The user's window has changed; the kernel tells the program (SIGWINCH)."""
        if self._master is not None:
            termios.tcsetwinsize(self._master, (rows, columns))

    def hang_up(self) -> None:
        """The user is gone: the kernel tells the program (SIGHUP), as when a line is cut. May be called again."""
        if self._master is not None:
            self._loop.forget(self._master)
            os.close(self._master)
            self._master = None
        while self._typed:
            self._typed.popleft()[1]()

    def end(self, code: int) -> None:
        while self._master is not None and self._tell(_read_terminal(self._master)):
            pass  # what it showed before it ended is told before its end is
        super().end(code)
        self.hang_up()

    def _pipes(self) -> list[object]:  # type: ignore[override]
        return []

    def _show(self) -> None:
        assert self._master is not None
        data = _read_terminal(self._master)
        if data == b"" or (self._tell(data) and self._unread >= WINDOW):
            self._loop.forget(self._master)
            self._want_to_write()

    def _tell(self, data: bytes | None) -> bool:
        if data:
            self._unread += len(data)
            self.tell("terminal", data=data)
        return bool(data)

    def _write(self) -> None:
        while self._typed and self._master is not None:
            data, done = self._typed.popleft()
            with contextlib.suppress(OSError):  # whoever read there is gone; what was typed is lost with them
                try:
                    data = data[os.write(self._master, data) :]
                except BlockingIOError:
                    self._typed.appendleft((data, done))
                    break
                if data:
                    self._typed.appendleft((data, done))
                    continue
            done()
        self._want_to_write()

    def _want_to_write(self) -> None:
        if self._master is not None:
            self._loop.writer(self._master, self._write if self._typed else None)


def _read_terminal(master: int) -> bytes | None:
    """What is there; empty at the end, None when there is nothing yet."""
    try:
        return os.read(master, _TERMINAL_CHUNK)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno != errno.EIO:  # nobody has the other end open any more
            raise
        return b""


REFERENCE = project.PROGRAMS
SHELVES = REFERENCE, REFERENCE / "faulty"  # no name stands on both
SIT = sys.executable, "-S", str(Path(__file__).with_name("set_terminal.py"))
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
            ours, theirs = pair(request["rows"], request["columns"], shared=self._user is not None)
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
