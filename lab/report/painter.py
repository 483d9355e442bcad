"""A few lines at the end of a terminal's text that are painted over and over, and then taken away.

Nothing is switched on that would have to be switched off: no other screen, no hidden cursor, no raw input. The cursor
rests on the line below what was painted, so whoever is killed leaves text and a terminal as it was.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import TextIO

USUAL = os.terminal_size((80, 24))  # of a terminal that does not say


class Painter:
    """Paints on the terminal behind ``stream``, as long as it is ours to write to."""

    def __init__(self, stream: TextIO) -> None:
        self._fd, self._encoding = stream.fileno(), stream.encoding
        self._lines = 0
        self._widest = 0

    @property
    def size(self) -> os.terminal_size:
        """Columns and lines of the terminal now."""
        size = os.get_terminal_size(self._fd)
        return size if size.columns and size.lines else USUAL

    @property
    def ours(self) -> bool:
        """False while this program runs in the background of a shell, which then has the terminal."""
        with suppress(OSError):  # not our controlling terminal: nobody takes it away
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        return True

    def paint(self, lines: Sequence[str], widest: int) -> None:
        """Show these in place of what was shown; they have to be fewer than the terminal's, and narrower than it.

        ``widest`` is the width of the widest in cells. Raises OSError when the terminal is gone.
        """
        self._write(self._back() + "".join(f"{line}\x1b[K\r\n" for line in lines) + "\x1b[J")
        self._lines, self._widest = len(lines), widest

    def erase(self) -> None:
        """Take it away; what comes next is written in its place."""
        if self._lines:
            self._write(self._back() + "\x1b[J")
        self.forget()

    def forget(self, *_: int | FrameType | None) -> None:
        """Leave what is there and go on below, as after a stop, when a shell has written; may be a signal's handler."""
        self._lines = self._widest = 0

    def _back(self) -> str:
        """To where it began; to the top of an empty screen if a narrower terminal broke the lines anew."""
        size = self.size
        if self._widest >= size.columns:
            return "\r\n" * size.lines + "\x1b[H\x1b[J"
        return f"\r\x1b[{self._lines}A" if self._lines else "\r"

    def _write(self, text: str) -> None:
        left = memoryview(text.encode(self._encoding, "backslashreplace"))
        while left:
            left = left[os.write(self._fd, left) :]
