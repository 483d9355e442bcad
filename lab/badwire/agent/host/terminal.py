"""A program on a terminal of its own, such as a shell on a host; bytes go both ways.

Its output goes out as events that are not recorded. At most WINDOW bytes may be unacknowledged: a reader that stops
reading stops the program, as at any terminal, and nothing else on the host.
"""

import errno
import os
import subprocess
import termios

from badwire.agent.event_loop import Loop
from badwire.agent.host.input import Done, InputQueue
from badwire.agent.host.program import WINDOW, HostProgram
from badwire.util.jsonlines import MessageHandler

_CHUNK = 1 << 14
_ANY_USER = 0o666  # in a container, where the program is another user than the owner of its terminal


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
        self, number: int, name: str, process: "subprocess.Popen[bytes]", emit: MessageHandler, master: int
    ) -> None:
        super().__init__(number, name, process, emit)
        self._master: int | None = master

    def read(self, loop: Loop) -> None:
        """Read what the program shows from now on."""
        self._loop = loop
        assert self._master is not None
        self._input = InputQueue(loop, self._master)
        loop.reader(self._master, self._on_output)

    def type(self, data: bytes, done: Done) -> None:
        """Write the user's input. What nobody reads any more is lost, as at any terminal."""
        if self._master is None:
            done(False)
        else:
            self._input.write(data, done)

    def acknowledge(self, size: int) -> None:
        self._unacknowledged -= size
        if self._master is not None and self._unacknowledged < WINDOW:
            self._loop.reader(self._master, self._on_output)

    def resize(self, rows: int, columns: int) -> None:
        """Set the size of the terminal to that of the user's window; the kernel sends the program SIGWINCH."""
        if self._master is not None:
            termios.tcsetwinsize(self._master, (rows, columns))

    def hang_up(self) -> None:
        """Close the terminal; the kernel sends the program SIGHUP. May be called more than once."""
        if self._master is not None:
            self._loop.forget(self._master)
            os.close(self._master)
            self._master = None
            self._input.drop()

    def end(self, code: int) -> None:
        # Output from before the end is reported before the end.
        if self._master is not None:
            data = _read(self._master)
            while data:
                self._emit_data(data)
                data = _read(self._master)
        super().end(code)
        self.hang_up()

    def _pipes(self) -> list[object]:  # type: ignore[override]
        return []

    def _on_output(self) -> None:
        assert self._master is not None
        data = _read(self._master)
        if data is None:
            return
        if data:
            self._emit_data(data)
        closed = not data
        if closed or self._unacknowledged >= WINDOW:
            self._loop.forget(self._master)
            self._input.flush()

    def _emit_data(self, data: bytes) -> None:
        self._unacknowledged += len(data)
        self.emit("terminal", data=data)


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
