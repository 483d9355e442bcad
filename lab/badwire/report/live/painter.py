"""A few lines at the end of a terminal's text that are repainted, and removed at the end.

No mode of the terminal is changed, so nothing has to be restored: no alternate screen, no hidden cursor, no raw input.
The cursor is left on the line below what was painted; a process that is killed leaves its last lines and a usable
terminal.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import TextIO

ERASE_LINE = "\x1b[K"  # EL, to the end of the line (ECMA-48, section 8.3)
ERASE_BELOW = "\x1b[J"  # ED, to the end of the screen
CURSOR_HOME = "\x1b[H"  # CUP
DEFAULT_SIZE = os.terminal_size((80, 24))  # of a terminal that does not report its size


class Painter:
    """Paints on the terminal of ``stream``."""

    def __init__(self, stream: TextIO) -> None:
        self._fd = stream.fileno()
        self._encoding = stream.encoding
        self._lines = 0
        self._widest = 0

    @property
    def size(self) -> os.terminal_size:
        """Columns and lines of the terminal now."""
        size = os.get_terminal_size(self._fd)
        return size if size.columns and size.lines else DEFAULT_SIZE

    @property
    def in_foreground(self) -> bool:
        """False while a shell runs this program in the background."""
        with suppress(OSError):  # not our controlling terminal, so no shell uses it
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        return True

    def paint(self, lines: Sequence[str], widest: int) -> None:
        """Show these lines in place of the last ones; they must fit on the terminal.

        ``widest`` is the width of the widest line in cells. Raises OSError when the terminal is gone.
        """
        painted = [f"{line}{ERASE_LINE}\r\n" for line in lines]
        self._write(self._back() + "".join(painted) + ERASE_BELOW)
        self._lines = len(lines)
        self._widest = widest

    def erase(self) -> None:
        """Remove the lines; the next text is written in their place."""
        if self._lines:
            self._write(self._back() + ERASE_BELOW)
        self.forget()

    def forget(self, *_: int | FrameType | None) -> None:
        """Leave the lines on the terminal, and paint the next ones below them.

        Also a handler for SIGCONT, after which the shell has written to the terminal.
        """
        self._lines = 0
        self._widest = 0

    def _back(self) -> str:
        """Move to the first line; to the top of a cleared screen if a narrower terminal has wrapped the lines."""
        size = self.size
        if self._widest >= size.columns:
            return "\r\n" * size.lines + CURSOR_HOME + ERASE_BELOW
        if not self._lines:
            return "\r"
        return f"\r\x1b[{self._lines}A"  # CUU, cursor up

    def _write(self, text: str) -> None:
        encoded = text.encode(self._encoding, "backslashreplace")
        rest = memoryview(encoded)
        while rest:
            written = os.write(self._fd, rest)
            rest = rest[written:]
