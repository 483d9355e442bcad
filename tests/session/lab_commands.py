"""The commands as their users have them: processes, some at a terminal, some killed."""

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import uuid
from pathlib import Path
from typing import Any

from tests.command_line import LAB, PACKAGE, PATH, sentence
from tests.end_to_end.running import assert_all_gone, marked

SET_TERMINAL = PACKAGE / "agent" / "host" / "set_terminal.py"
WITHIN = 30.0  # seconds


class LabCommands:
    """Commands for one lab. Every process has a mark in its environment, those of the lab itself, too."""

    def __init__(self, substrate: str, tmp: Path) -> None:
        self.substrate, self.cwd, self.out = substrate, tmp, tmp / "runs"
        self.mark = f"BADWIRE_TEST_MARK={uuid.uuid4()}"
        (tmp / "notes").mkdir()
        name, _, value = self.mark.partition("=")
        self.env = {**os.environ, "PYTHONPATH": PATH, "XDG_RUNTIME_DIR": str(tmp / "notes"), name: value}
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> "LabCommands":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for name in ("lab", "other"):
            self.lab("down", "--name", name)
        assert_all_gone(self.mark)

    def lab(self, *args: object) -> subprocess.CompletedProcess[str]:
        argv = [*LAB, *map(str, args)]
        run = subprocess.run(
            argv, env=self.env, cwd=self.cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
        )
        assert "Traceback" not in run.stderr
        return run

    def up(self, *options: object) -> str:
        done = self.lab("up", "--substrate", self.substrate, "--out", self.out, *options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def output_of(self, *args: object) -> str:
        """What a command prints that succeeds."""
        done = self.lab(*args)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def error_of(self, *args: object, status: int) -> str:
        """The sentence of a command that fails."""
        done = self.lab(*args)
        assert done.returncode == status, (done.stdout, done.stderr)
        return sentence(done)

    def start(self, *args: object, **how: Any) -> "subprocess.Popen[str]":
        """A command that goes on meanwhile."""
        argv, pipe = [*LAB, *map(str, args)], subprocess.PIPE
        how = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe, "text": True, "cwd": self.cwd, **how}
        self._started.append(subprocess.Popen(argv, env=self.env, **how))
        return self._started[-1]

    def serve(self, *args: object) -> "subprocess.Popen[str]":
        """A reference server, once it is ready."""
        server = self.start("run-on", "server", *args)
        assert server.stdout is not None
        assert server.stdout.readline().startswith("ready")
        return server

    @property
    def folder(self) -> Path:
        return (self.out / "up" / "latest").resolve()

    @property
    def daemon(self) -> int:
        """The process that keeps the lab."""
        found = [pid for pid, words in marked(self.mark).items() if "-m badwire.session.daemon" in words]
        assert len(found) == 1
        return found[0]


class TerminalCommand:
    """A command at a terminal of its own."""

    def __init__(self, commands: LabCommands, *args: object, rows: int = 24, columns: int = 100) -> None:
        self.master, slave = os.openpty()
        self.before = termios.tcgetattr(slave)
        self.resize(rows, columns)
        argv = [sys.executable, "-S", str(SET_TERMINAL), *LAB, *map(str, args)]
        env = {**commands.env, "TERM": "dumb"}
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=env, cwd=commands.cwd
        )
        self.slave, self.shown = slave, b""

    def __enter__(self) -> "TerminalCommand":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.slave)
        os.close(self.master)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for(self, words: str) -> str:
        """Until it is shown; all that was shown since the last time, up to the end of it."""
        end = time.monotonic() + WITHIN
        while words.encode() not in self.shown:
            left = end - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], f"no {words!r} in {self.shown!r}"
            self.shown += os.read(self.master, 4096)
        before, found, self.shown = self.shown.partition(words.encode())
        return (before + found).decode(errors="replace")

    def end(self) -> int:
        """Its status; the terminal is as it was before."""
        status = self.process.wait(WITHIN)
        assert termios.tcgetattr(self.slave) == self.before
        return status


def interrupt(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGINT)
