"""A program with a terminal of its own: a shell on a host, whose bytes go both ways.

What it shows goes out as events, which nobody records, and only so far ahead of whoever reads as WINDOW says: a reader
who stopped reading stops the program, as at any terminal, and nothing else of the host.
"""

import contextlib
import errno
import os
import subprocess
import termios
from collections import deque
from collections.abc import Callable

from lab.agent.loop import Loop
from lab.agent.messages import Message
from lab.agent.program import Program

WINDOW = 1 << 16  # bytes on their way to the reader
_CHUNK = 1 << 14
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
        while self._master is not None and self._tell(_read(self._master)):
            pass  # what it showed before it ended is told before its end is
        super().end(code)
        self.hang_up()

    def _pipes(self) -> list[object]:  # type: ignore[override]
        return []

    def _show(self) -> None:
        assert self._master is not None
        data = _read(self._master)
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


def _read(master: int) -> bytes | None:
    """What is there; empty at the end, None when there is nothing yet."""
    try:
        return os.read(master, _CHUNK)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno != errno.EIO:  # nobody has the other end open any more
            raise
        return b""
