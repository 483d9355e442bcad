"""A program on a terminal of its own, such as a shell on a host; bytes go both ways.

Its output goes out as events that are not recorded. At most WINDOW bytes may be unacknowledged: a reader that stops
reading stops the program, as at any terminal, and nothing else on the host.
"""

import contextlib
import errno
import os
import subprocess
import termios
from collections import deque
from collections.abc import Callable

from badwire.agent.event_loop import Loop
from badwire.agent.host.program import HostProgram
from badwire.util.jsonlines import Message

WINDOW = 1 << 16  # bytes sent to the reader and not yet acknowledged
_CHUNK = 1 << 14
_ANY_USER = 0o666  # in a container, where the program is another user than the owner of its terminal
Done = Callable[[], None]


def open_terminal(rows: int, columns: int, shared: bool) -> tuple[int, int]:
    """A new pseudoterminal: the descriptors of the master, which is ours, and of the slave, which is the program's.

    Args:
        shared: whether other users on this host may open it by its name.
    """
    master, slave = os.openpty()
    termios.tcsetwinsize(master, (rows, columns))
    if shared:
        os.fchmod(slave, _ANY_USER)
    os.set_blocking(master, False)
    return master, slave


class Terminal(HostProgram):
    """A program whose standard streams are a terminal; ``master`` is our end of it."""

    def __init__(
        self, number: int, name: str, process: "subprocess.Popen[bytes]", emit: Callable[[Message], None], master: int
    ) -> None:
        super().__init__(number, name, process, emit)
        self._master: int | None = master
        self._unacknowledged = 0
        self._input: deque[tuple[bytes, Done]] = deque()

    def read(self, loop: Loop) -> None:
        """Read what the program shows from now on."""
        self._loop = loop
        assert self._master is not None
        loop.reader(self._master, self._on_output)

    def type(self, data: bytes, done: Done) -> None:
        """Write the user's input; ``done`` is called when the terminal has taken all of it, or has been closed."""
        self._input.append((data, done))
        if self._master is None:
            self.hang_up()
        elif len(self._input) == 1:
            self._write()

    def acknowledge(self, size: int) -> None:
        """The reader has received ``size`` more bytes."""
        self._unacknowledged -= size
        if self._master is not None and self._unacknowledged < WINDOW:
            self._loop.reader(self._master, self._on_output)

    def resize(self, rows: int, columns: int) -> None:
        """The size of the user's window has changed; the kernel sends the program SIGWINCH."""
        if self._master is not None:
            termios.tcsetwinsize(self._master, (rows, columns))

    def hang_up(self) -> None:
        """Close the terminal; the kernel sends the program SIGHUP. May be called more than once."""
        if self._master is not None:
            self._loop.forget(self._master)
            os.close(self._master)
            self._master = None
        while self._input:
            _, done = self._input.popleft()
            done()

    def end(self, code: int) -> None:
        # Output from before the end is reported before the end.
        while self._master is not None and self._emit_output(_read(self._master)):
            pass
        super().end(code)
        self.hang_up()

    def _pipes(self) -> list[object]:  # type: ignore[override]
        return []

    def _on_output(self) -> None:
        assert self._master is not None
        data = _read(self._master)
        closed = data == b""
        if closed or (self._emit_output(data) and self._unacknowledged >= WINDOW):
            self._loop.forget(self._master)
            self._await_writable()

    def _emit_output(self, data: bytes | None) -> bool:
        if not data:
            return False
        self._unacknowledged += len(data)
        self.emit("terminal", data=data)
        return True

    def _write(self) -> None:
        while self._input and self._master is not None:
            data, done = self._input.popleft()
            with contextlib.suppress(OSError):  # no process reads there any more; the input is lost
                try:
                    data = data[os.write(self._master, data) :]
                except BlockingIOError:
                    self._input.appendleft((data, done))
                    break
                if data:
                    self._input.appendleft((data, done))
                    continue
            done()
        self._await_writable()

    def _await_writable(self) -> None:
        if self._master is not None:
            self._loop.writer(self._master, self._write if self._input else None)


def _read(master: int) -> bytes | None:
    """The bytes that can be read now; empty at the end of the stream, None when there are none yet."""
    try:
        return os.read(master, _CHUNK)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno != errno.EIO:  # the slave is closed
            raise
        return b""
