"""The live screen: a thread that follows a run's files and paints what goes on, without a word to the run itself.

What is shown is what is on disk, on either clock and every substrate. Where it fails, the run goes on without it.

A few lines at the end of a terminal's text that are painted over and over, and then taken away.

Nothing is switched on that would have to be switched off: no other screen, no hidden cursor, no raw input. The cursor
rests on the line below what was painted, so whoever is killed leaves text and a terminal as it was.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self, TextIO

from badwire.report.live.recent import Lately
from badwire.report.live.tail import Growing

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


OFTEN = 0.1  # seconds from one painting to the next, at least
SHARE = 10  # of the time, at most one part in so many goes into painting
BEAT = 1.0  # seconds; the clock is painted that often when nothing happens
SWITCH = 0.0005  # seconds that painting may keep the run's own threads waiting; Python's usual is ten times that


@dataclass
class Known:
    """What the command has told so far."""

    began: float
    of: int = 1
    heading: str = ""
    step: str = ""
    folder: Path | None = None
    others: dict[str, tuple[float, str]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)


class Live:
    """A context manager, to be entered in the main thread. Its methods tell it what to show, and return at once.

    ``failure`` is what ended the painting, if anything did.
    """

    def __init__(self, stream: TextIO) -> None:
        self._painter = Painter(stream)
        self._known = Known(time.monotonic())
        self._painting = threading.Lock()  # held while the terminal takes what is painted, for which it may take long
        self._growing: tuple[Path, Growing] | None = None
        self._lately: Lately | None = None
        self._over = False
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        self._poked = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._before = sys.getswitchinterval(), signal.signal(signal.SIGCONT, self._painter.forget)
        sys.setswitchinterval(SWITCH)
        self._thread = threading.Thread(target=self._live, name="live", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._poke()
        self._thread.join()
        with suppress(OSError):
            self._painter.erase()
        sys.setswitchinterval(self._before[0])
        signal.signal(signal.SIGCONT, self._before[1])
        os.close(self._poked)

    def expect(self, runs: int) -> None:
        """So many runs are to come."""
        self._known.of = runs
        _ready()

    def step(self, text: str) -> None:
        """What is done now; with nothing nothing is shown."""
        self._known.step = text
        self._poke()

    def heard(self, name: str, text: str) -> None:
        """What one of several runs at once does now."""
        began, _ = self._known.others.get(name, (time.monotonic(), ""))
        self._known.others = {**self._known.others, name: (began, text)}
        self._known.step = "running"
        self._poke()

    def ended(self, name: str) -> None:
        """A run is over."""
        self._known.others = {other: told for other, told in self._known.others.items() if other != name}
        self._known.done = [*self._known.done, name]
        self._known.heading, self._known.folder = "", None

    @contextmanager
    def watching(self, heading: str, folder: Path) -> Iterator[None]:
        """A run that leaves its evidence in ``folder``."""
        _ready()
        self._known.heading, self._known.folder = heading, folder
        self._poke()
        yield

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The terminal is somebody else's to write whole lines to."""
        with self._painting:
            with suppress(OSError):
                self._painter.erase()
            yield
        self._poke()

    def _poke(self) -> None:
        os.eventfd_write(self._poked, 1)

    def _live(self) -> None:
        try:
            self._follow()
        except Exception as error:
            self.failure = error
            with suppress(OSError):
                self._painter.erase()
        finally:
            if self._growing is not None:
                self._growing[1].close()

    def _follow(self) -> None:
        due, changed = 0.0, True
        while not self._over:
            wait = BEAT if not changed else max(0.0, due - time.monotonic())
            fds = [self._poked, *([self._growing[1].fileno()] if self._growing and not changed else [])]
            ready, _, _ = select.select(fds, [], [], wait)
            if self._poked in ready:
                os.eventfd_read(self._poked)
            changed = True
            if (began := time.monotonic()) >= due and not self._over:
                self._look()
                self._paint()
                changed, took = False, time.monotonic() - began
                due = began + max(OFTEN, took * SHARE)

    def _look(self) -> None:
        """Read what the run that is watched has left since the last time."""
        folder = self._known.folder
        if (self._growing[0] if self._growing else None) != folder:
            if self._growing is not None:
                self._growing[1].close()
            self._growing = (folder, Growing(folder)) if folder is not None else None
            self._lately = Lately() if folder is not None else None
        if self._growing is not None and self._lately is not None:
            self._lately.take(*self._growing[1].read())

    def _paint(self) -> None:
        known, now = self._known, time.monotonic()
        if not known.step or not self._painter.ours:
            return
        from badwire.report.live.panel import View, ansi, lines  # rich comes with it

        others = tuple((name, now - began, text) for name, (began, text) in known.others.items())
        moment = self._lately.moment() if self._lately else None
        view = View(known.heading, known.step, now - known.began, moment, others, tuple(known.done), known.of)
        size = self._painter.size
        texts = lines(view, size.columns - 1, size.lines - 1)
        painted = ansi(texts, size.columns - 1)
        with self._painting:
            self._painter.paint(painted, max((text.cell_len for text in texts), default=0))


def _ready() -> None:
    """Import all that painting takes, in the main thread: what it forks must not wait for an import of another's."""
    from badwire.report.live import panel

    panel.ansi(panel.lines(panel.View("", "é", 0.0), 80, 24), 80)
