"""Runs the reference programs as a user would: another process, real loopback, a port that the kernel picks."""

import contextlib
import functools
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from badwire.errors import MachineError
from badwire.testbed.c_programs import CPrograms, compiled

PROGRAMS = Path(__file__).parents[2] / "images" / "host" / "programs"
LIMIT = 60.0  # seconds; only a hang comes near it


@dataclass(frozen=True)
class Ended:
    """A program that has ended; a negative status is the number of the signal that killed it."""

    status: int
    out: str
    err: str


@functools.cache
def interpreter(user: int | None) -> str:
    """The Python that runs these tests, or the system's where that user cannot reach it (in root's home, say)."""
    for path in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        new_enough = [path, "-S", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        with contextlib.suppress(OSError):
            if subprocess.run(new_enough, user=user, cwd="/", stderr=subprocess.DEVNULL).returncode == 0:
                return path
    pytest.skip(f"user {user} can reach no Python 3.11 or newer on this machine; Debian's python3 package would do")


class Program:
    """A running reference program."""

    def __init__(self, command: list[str], *args: object, user: int | None = None, typing: bool = False) -> None:
        self.popen = subprocess.Popen(
            [*command, *map(str, args)],
            stdin=subprocess.PIPE if typing else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        self.pid = self.popen.pid
        self.heard = ""
        self.port = 0

    def line(self) -> str:
        """The next line of its output."""
        assert self.popen.stdout is not None
        text = b""
        while not text.endswith(b"\n"):
            readable, _, _ = select.select([self.popen.stdout], [], [], LIMIT)
            byte = self.popen.stdout.read(1) if readable else b""
            assert byte, f"no further line; it said {self.heard + text.decode()!r} and {self.end(signal.SIGKILL)}"
            text += byte
        self.heard += text.decode()
        return text.decode().rstrip("\n")

    def type(self, text: str | bytes) -> None:
        """Write to its standard input."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(text.encode() if isinstance(text, str) else text)

    def ready(self) -> "Program":
        """Wait until it says that it is ready, and learn its port."""
        word, port = self.line().split()
        assert word == "ready"
        self.port = int(port)
        return self

    def end(self, by: signal.Signals | None = None) -> Ended:
        """Wait for its end, having sent it a signal if one is given; `out` is everything that it printed."""
        if by is not None:
            self.popen.send_signal(by)
        out, err = self.popen.communicate(timeout=LIMIT)
        return Ended(self.popen.returncode, self.heard + out.decode(), err.decode())


def in_python(name: str, folder: Path = PROGRAMS, user: int | None = None) -> list[str]:
    """The command of a program in Python; ``name`` may begin with "faulty/"."""
    # -S: only the standard library is there; -W error: a socket left open shows on stderr; -B: leave no __pycache__
    return [interpreter(user), "-S", "-B", "-W", "error", str(folder / f"{name}.py")]


@functools.cache
def in_c() -> CPrograms | None:
    """The programs in C; None without a compiler."""
    try:
        return compiled(lambda text: None)
    except MachineError:
        return None


@pytest.fixture(params=["python", "c"])
def lang(request: pytest.FixtureRequest) -> str:
    """Each language in turn."""
    if request.param == "c" and in_c() is None:
        pytest.skip("this machine has no C compiler; apt-get install gcc libc6-dev")
    return str(request.param)


Start = Callable[..., Program]
RunClient = Callable[..., Ended]


@pytest.fixture
def program(lang: str) -> Iterator[Callable[..., Program]]:
    """Start a program; what still runs when the test ends is killed."""
    started: list[Program] = []

    def start(
        name: str, *args: object, folder: Path | None = None, user: int | None = None, typing: bool = False
    ) -> Program:
        programs = in_c()
        if lang == "c" and programs is not None:
            command = [str((folder or programs.folder) / Path(name).name)]
        else:
            command = in_python(name, folder or PROGRAMS, user)
        started.append(Program(command, *args, user=user, typing=typing))
        return started[-1]

    yield start
    for each in started:
        if each.popen.returncode is None:
            each.end(signal.SIGKILL)


@pytest.fixture
def server(program: Callable[..., Program]) -> Callable[..., Program]:
    """Start a server on a free port and wait until it is ready."""
    return lambda name, *args, **options: program(name, 0, *args, **options).ready()


@pytest.fixture
def client(program: Callable[..., Program]) -> Callable[..., Ended]:
    """Run a client on a port of this machine to its end."""
    return lambda name, port, *args: program(name, "127.0.0.1", port, *args).end()
