"""The live screen: a thread that follows a run's files and shows the run on the terminal, without touching the run.

It shows what is on disk, so it works on both clocks and every substrate. If it fails, the run goes on without it.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TextIO

from badwire.report.live.painter import Painter
from badwire.report.live.recent import Recent
from badwire.report.live.tail import Tail

SHORTEST_PAUSE = 0.1  # seconds from one painting to the next
SHARE = 10  # painting takes at most a tenth of the time
LONGEST_PAUSE = 1.0  # seconds; the clock is painted so often even if nothing happens
SWITCH = 0.0005  # seconds that painting may delay the run's own threads; Python's default is ten times as long


@dataclass
class RunStatus:
    """What the command has reported so far."""

    began: float
    of: int = 1
    heading: str = ""
    step: str = ""
    folder: Path | None = None
    others: dict[str, tuple[float, str]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)


class Live:
    """A context manager, to be entered in the main thread. Its methods set what is shown, and return at once.

    ``failure`` is the exception that ended the painting, if there was one.
    """

    def __init__(self, stream: TextIO) -> None:
        self._painter = Painter(stream)
        self._status = RunStatus(time.monotonic())
        self._painting = threading.Lock()  # held while writing to the terminal, which may take long
        self._tail: tuple[Path, Tail] | None = None
        self._recent: Recent | None = None
        self._over = False
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        self._wakeup = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._before = sys.getswitchinterval(), signal.signal(signal.SIGCONT, self._painter.forget)
        sys.setswitchinterval(SWITCH)
        self._thread = threading.Thread(target=self._live, name="live", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._wake()
        self._thread.join()
        with suppress(OSError):
            self._painter.erase()
        sys.setswitchinterval(self._before[0])
        signal.signal(signal.SIGCONT, self._before[1])
        os.close(self._wakeup)

    def expect(self, runs: int) -> None:
        """Set how many runs there will be."""
        self._status.of = runs
        _import_panel()

    def step(self, text: str) -> None:
        """Set what the command does now; an empty text hides the screen."""
        self._status.step = text
        self._wake()

    def parallel_step(self, name: str, text: str) -> None:
        """Set what one of several parallel runs does now."""
        began, _ = self._status.others.get(name, (time.monotonic(), ""))
        self._status.others = {**self._status.others, name: (began, text)}
        self._status.step = "running"
        self._wake()

    def ended(self, name: str) -> None:
        """Add a run to those that have ended."""
        self._status.others = {other: step for other, step in self._status.others.items() if other != name}
        self._status.done = [*self._status.done, name]
        self._status.heading, self._status.folder = "", None

    @contextmanager
    def watching(self, heading: str, folder: Path) -> Iterator[None]:
        """Inside the block the screen shows the run that writes its evidence to ``folder``."""
        _import_panel()
        self._status.heading, self._status.folder = heading, folder
        self._wake()
        yield

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Inside the block the screen is hidden, and others may write lines to the terminal."""
        with self._painting:
            with suppress(OSError):
                self._painter.erase()
            yield
        self._wake()

    def _wake(self) -> None:
        os.eventfd_write(self._wakeup, 1)

    def _live(self) -> None:
        try:
            self._follow()
        except Exception as error:
            self.failure = error
            with suppress(OSError):
                self._painter.erase()
        finally:
            if self._tail is not None:
                self._tail[1].close()

    def _follow(self) -> None:
        due, changed = 0.0, True
        while not self._over:
            wait = LONGEST_PAUSE if not changed else max(0.0, due - time.monotonic())
            fds = [self._wakeup, *([self._tail[1].fileno()] if self._tail and not changed else [])]
            ready, _, _ = select.select(fds, [], [], wait)
            if self._wakeup in ready:
                os.eventfd_read(self._wakeup)
            changed = True
            if (began := time.monotonic()) >= due and not self._over:
                self._read()
                self._paint()
                changed, took = False, time.monotonic() - began
                due = began + max(SHORTEST_PAUSE, took * SHARE)

    def _read(self) -> None:
        """Read what the run has written since the last time."""
        folder = self._status.folder
        if (self._tail[0] if self._tail else None) != folder:
            if self._tail is not None:
                self._tail[1].close()
            self._tail = (folder, Tail(folder)) if folder is not None else None
            self._recent = Recent() if folder is not None else None
        if self._tail is not None and self._recent is not None:
            self._recent.take(*self._tail[1].read())

    def _paint(self) -> None:
        status = self._status
        now = time.monotonic()
        if not status.step or not self._painter.in_foreground:
            return
        from badwire.report.live.panel import View, ansi, lines  # rich comes with it

        others = tuple((name, now - began, text) for name, (began, text) in status.others.items())
        moment = self._recent.moment() if self._recent else None
        view = View(status.heading, status.step, now - status.began, moment, others, tuple(status.done), status.of)
        size = self._painter.size
        texts = lines(view, size.columns - 1, size.lines - 1)
        painted = ansi(texts, size.columns - 1)
        with self._painting:
            self._painter.paint(painted, max((text.cell_len for text in texts), default=0))


def _import_panel() -> None:
    """Import everything that painting needs in the main thread: a forked child must not wait for an import lock."""
    from badwire.report.live import panel

    panel.ansi(panel.lines(panel.View("", "é", 0.0), 80, 24), 80)
