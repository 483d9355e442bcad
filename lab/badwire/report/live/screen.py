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
from typing import TYPE_CHECKING, NamedTuple, Self, TextIO

from badwire.report.live.painter import Painter
from badwire.report.live.recent import Recent
from badwire.report.live.tail import Tail

if TYPE_CHECKING:
    from badwire.report.live.panel import View

SHORTEST_PAUSE = 0.1  # seconds from one painting to the next
SHARE = 10  # painting takes at most a tenth of the time
LONGEST_PAUSE = 1.0  # seconds; the clock is painted so often even if nothing happens
SWITCH = 0.0005  # seconds that painting may delay the run's own threads; Python's default is ten times as long


class ParallelStep(NamedTuple):
    """The step of one of the runs in parallel. ``began`` is when the run was first reported, as time.monotonic()."""

    began: float
    text: str


@dataclass
class RunStatus:
    """What the command has reported so far.

    Attributes:
        began: when the command began, as time.monotonic().
        runs: how many runs there are.
        heading: the line that names the run; empty if no run is shown.
        step: what the command does now; empty while the screen is hidden.
        folder: the folder of the run that is shown.
        parallel: the step of each of the runs in parallel, by name.
        done: the names of the runs that have ended.
    """

    began: float
    runs: int = 1
    heading: str = ""
    step: str = ""
    folder: Path | None = None
    parallel: dict[str, ParallelStep] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)


class _FollowedRun:
    """The run that is shown: what it has written to its folder so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tail = Tail(folder)
        self.recent = Recent()

    def read(self) -> None:
        """Read what the run has written since the last time."""
        lines, frames = self.tail.read()
        self.recent.take(lines, frames)

    def close(self) -> None:
        """Stop following."""
        self.tail.close()


class Live:
    """A context manager, to be entered in the main thread. Its methods set what is shown, and return at once.

    ``failure`` is the exception that ended the painting, if there was one.
    """

    def __init__(self, stream: TextIO) -> None:
        self._painter = Painter(stream)
        self._status = RunStatus(time.monotonic())
        self._painting = threading.Lock()  # held while writing to the terminal, which may take long
        self._followed: _FollowedRun | None = None
        self._over = False
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        self._wakeup = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._old_handler = signal.signal(signal.SIGCONT, self._painter.forget)
        self._old_interval = sys.getswitchinterval()
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
        sys.setswitchinterval(self._old_interval)
        signal.signal(signal.SIGCONT, self._old_handler)
        os.close(self._wakeup)

    def expect(self, runs: int) -> None:
        """Set how many runs there will be."""
        self._status.runs = runs
        _import_panel()

    def step(self, text: str) -> None:
        """Set what the command does now; an empty text hides the screen."""
        self._status.step = text
        self._wake()

    def parallel_step(self, name: str, text: str) -> None:
        """Set what the run ``name``, one of those in parallel, does now."""
        status = self._status
        parallel = dict(status.parallel)
        known = parallel.get(name)
        began = time.monotonic() if known is None else known.began
        parallel[name] = ParallelStep(began, text)
        status.parallel = parallel  # a new one, since the thread may be reading the old one
        status.step = "running"
        self._wake()

    def ended(self, name: str) -> None:
        """Add a run to those that have ended."""
        status = self._status
        parallel = dict(status.parallel)
        parallel.pop(name, None)
        status.parallel = parallel
        status.done = [*status.done, name]
        status.heading = ""
        status.folder = None

    @contextmanager
    def watching(self, heading: str, folder: Path) -> Iterator[None]:
        """Inside the block the screen shows the run that writes its evidence to ``folder``."""
        _import_panel()
        self._status.heading = heading
        self._status.folder = folder
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
            if self._followed is not None:
                self._followed.close()

    def _follow(self) -> None:
        due = 0.0  # when the screen may be painted again
        changed = True  # whether there may be something new to paint
        while not self._over:
            if changed:
                self._wait(due - time.monotonic())
            else:
                self._wait(LONGEST_PAUSE, self._followed)
            changed = True
            began = time.monotonic()
            if began < due or self._over:
                continue
            self._read()
            self._paint()
            changed = False
            took = time.monotonic() - began
            due = began + max(SHORTEST_PAUSE, took * SHARE)

    def _wait(self, seconds: float, run: _FollowedRun | None = None) -> None:
        """Wait at most ``seconds`` for a report of the command, or for something that ``run`` writes."""
        fds = [self._wakeup]
        if run is not None:
            fds.append(run.tail.fileno())
        ready, _, _ = select.select(fds, [], [], max(0.0, seconds))
        if self._wakeup in ready:
            os.eventfd_read(self._wakeup)

    def _read(self) -> None:
        """Read what the run has written since the last time; begin with a new run if the command shows another."""
        folder = self._status.folder
        followed = self._followed
        if followed is not None and followed.folder != folder:
            followed.close()
            self._followed = None
        if folder is not None and self._followed is None:
            self._followed = _FollowedRun(folder)
        if self._followed is not None:
            self._followed.read()

    def _paint(self) -> None:
        status = self._status
        if not status.step or not self._painter.in_foreground:
            return
        from badwire.report.live.panel import ansi, lines  # rich comes with it

        size = self._painter.size
        width = size.columns - 1
        texts = lines(self._view(), width, size.lines - 1)
        painted = ansi(texts, width)
        widest = max((text.cell_len for text in texts), default=0)
        with self._painting:
            self._painter.paint(painted, widest)

    def _view(self) -> "View":
        """What the screen shows now."""
        from badwire.report.live.panel import ParallelRun, View

        status = self._status
        now = time.monotonic()
        parallel = []
        for name, step in status.parallel.items():
            parallel.append(ParallelRun(name, now - step.began, step.text))
        return View(
            heading=status.heading,
            step=status.step,
            seconds=now - status.began,
            moment=None if self._followed is None else self._followed.recent.moment(),
            parallel=tuple(parallel),
            done=tuple(status.done),
            runs=status.runs,
        )


def _import_panel() -> None:
    """Import everything that painting needs in the main thread: a forked child must not wait for an import lock."""
    from badwire.report.live import panel

    view = panel.View(heading="", step="é", seconds=0.0)
    texts = panel.lines(view, width=80, height=24)
    panel.ansi(texts, width=80)
