"""A terminal of our own: a pty with a command on it, and what a person would see there."""

import os
import pty
import re
import select
import signal
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from tests.command_line import ROOT, environment

WITHIN = 60.0  # seconds; for what must come
_TOKEN = re.compile(r"\x1b\[([?<=>]*)([\d;]*)([@-~])|(\x1b.?)|([^\x1b])", re.DOTALL)


class Screen:
    """Rows of text with a cursor, and what scrolled away; knows the few sequences that the lab may use.

    ``modes`` and ``strange`` have every other sequence that came: a terminal would be left in it.
    """

    def __init__(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self.rows: list[str] = [""] * lines
        self.gone: list[str] = []
        self.row = self.column = 0
        self.strange: list[str] = []

    def take(self, text: str) -> None:
        """What was written to it."""
        for sign, numbers, letter, other, char in _TOKEN.findall(text):
            if letter:
                self._sequence(sign, numbers, letter)
            elif other:
                self.strange.append(other)
            elif char == "\r":
                self.column = 0
            elif char == "\n":
                self._down()
            elif char.isprintable():
                self._put(char)
            else:
                self.strange.append(char)

    def resize(self, columns: int, lines: int) -> None:
        """As terminals do that break lines anew: what does not fit any more scrolls away above."""
        at = self.row
        broken = [[row[n : n + columns] for n in range(0, max(1, len(row)), columns)] for row in self.rows]
        self.row = sum(len(pieces) for pieces in broken[:at])
        rows = [piece for pieces in broken for piece in pieces]
        above = max(0, self.row + 1 - lines)
        self.gone += rows[:above]
        self.row -= above
        self.rows = (rows[above:] + [""] * lines)[:lines]
        self.columns, self.lines, self.column = columns, lines, min(self.column, columns)

    @property
    def text(self) -> str:
        """What is seen, without blanks at ends."""
        return "\n".join(row.rstrip() for row in self.rows).rstrip()

    @property
    def history(self) -> str:
        """All that can be seen by scrolling back."""
        return "\n".join([*(row.rstrip() for row in self.gone), self.text])

    def _put(self, char: str) -> None:
        if self.column == self.columns:
            self.column = 0
            self._down()
        row = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = row[: self.column] + char + row[self.column + 1 :]
        self.column += 1

    def _down(self) -> None:
        if self.row + 1 < self.lines:
            self.row += 1
        else:
            self.gone.append(self.rows.pop(0))
            self.rows.append("")

    def _sequence(self, sign: str, numbers: str, letter: str) -> None:
        count = int(numbers or 0) if ";" not in numbers else None
        match sign, letter, count:
            case "", "A", int():
                self.row = max(0, self.row - max(1, count))
            case "", "H", 0:
                self.row = self.column = 0
            case "", "J", 0:
                self._cut()
                self.rows[self.row + 1 :] = [""] * (self.lines - self.row - 1)
            case "", "K", 0:
                self._cut()
            case "", "m", _:
                pass
            case _:
                self.strange.append(f"\x1b[{sign}{numbers}{letter}")

    def _cut(self) -> None:
        self.rows[self.row] = self.rows[self.row][: self.column]


class Terminal:
    """A command whose terminal we are. ``raw`` is all that came, ``screen`` what it made of ours."""

    def __init__(
        self, argv: Sequence[object], columns: int = 100, lines: int = 30, env: Mapping[str, str] | None = None
    ) -> None:
        self.screen = Screen(columns, lines)
        self.raw = b""
        self.status: int | None = None
        usual = {name: value for name, value in environment(TERM="xterm-256color").items() if name != "NO_COLOR"}
        surroundings = {**usual, **(env or {})}
        arguments = [str(argument) for argument in argv]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                termios.tcsetwinsize(0, (lines, columns))
                os.chdir(ROOT)
                os.execvpe(arguments[0], arguments, surroundings)
            finally:
                os._exit(127)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.end()
        os.close(self.fd)

    def resize(self, columns: int, lines: int) -> None:
        """Our window gets another size."""
        self.read_all()
        self.screen.resize(columns, lines)
        termios.tcsetwinsize(self.fd, (lines, columns))

    def read_all(self) -> None:
        """Take what has come so far."""
        while self._read(0):
            pass

    def type(self, keys: bytes) -> None:
        """Somebody presses keys."""
        os.write(self.fd, keys)

    def until(self, seen: Callable[[Screen], object], what: str) -> str:
        """Read until the screen shows it; the text of the screen then."""
        end = time.monotonic() + WITHIN
        while not seen(self.screen):
            assert time.monotonic() < end and self._read(end - time.monotonic()), f"never {what}:\n{self.screen.text}"
        return self.screen.text

    def end(self) -> int:
        """Read to the end; the command's status, as a shell has it."""
        while self._read(WITHIN):
            pass
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self.status = code if code >= 0 else 128 - code
        return self.status

    def _read(self, within: float) -> bool:
        if not select.select([self.fd], [], [], max(0.0, within))[0]:
            return False
        data = b""
        with suppress(OSError) as _:
            data = os.read(self.fd, 1 << 16)
        self.raw += data
        self.screen.take(data.decode(errors="replace"))
        return bool(data)
