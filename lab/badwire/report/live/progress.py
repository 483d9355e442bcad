"""The progress of runs, on stderr: the live screen on a terminal that can show it, else a line for each step."""

import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from badwire.report.terminal import wants_colour
from badwire.util.text import visible

if TYPE_CHECKING:
    from badwire.report.live.screen import Live


MIN_COLUMNS = 60  # of a terminal that the live screen fits on
MIN_LINES = 12


class Progress:
    """Reports progress on stderr: on a terminal with the live screen, else with a line for each step.

    A context manager, which removes the screen at the end.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.began = time.monotonic()
        self._live: Live | None = None
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        if not self.quiet and can_be_painted(self.stream):
            from badwire.report.live.screen import Live  # a run without a terminal does not need it

            with suppress(OSError, ValueError):  # no descriptor left, or not in the main thread
                self._live = self._undo.enter_context(Live(self.stream))
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    @property
    def live(self) -> "Live | None":
        """The live screen, if there is one and it works."""
        if self._live is None or self._live.failure is not None:
            return None
        return self._live

    @property
    def updating(self) -> bool:
        """Whether the next step replaces the last one on the terminal."""
        return self.live is not None

    def __call__(self, text: str) -> None:
        """Report a step."""
        if self.live is not None:
            self.live.step(text)
        elif not self.quiet:
            seconds = time.monotonic() - self.began
            print(f"{seconds:6.1f} s  {visible(text)}", file=self.stream, flush=True)

    def parallel_step(self, name: str, text: str) -> None:
        """Report a step of the scenario ``name``, one of those that run in parallel."""
        if self.live is not None:
            self.live.parallel_step(name, text)
        else:
            self(f"{name}: {text}")

    def watching(self, heading: str, folder: Path) -> AbstractContextManager[None]:
        """Inside the block a run writes its evidence to ``folder``."""
        if self.live is None:
            return nullcontext()
        return self.live.watching(heading, folder)

    def expect(self, runs: int) -> None:
        """Set how many runs there will be."""
        if self.live is not None:
            self.live.expect(runs)

    def say(self, text: str) -> None:
        """Print a sentence that stays on the terminal."""
        if not self.quiet:
            with self.aside():
                print(visible(text), file=self.stream, flush=True)

    def done(self) -> None:
        """Hide the screen until the next step, so that the next text begins on a new line."""
        if self.live is not None:
            self.live.step("")
        with self.aside():
            pass

    @contextmanager
    def aside(self, ended: str = "") -> Iterator[None]:
        """Inside the block others may write to the terminal, such as the result of the run ``ended``."""
        if self.live is None:
            yield
            return
        if ended:
            self.live.ended(ended)
        with self.live.aside():
            yield
            sys.stdout.flush()


def can_be_painted(stream: TextIO) -> bool:
    """Whether the stream is a terminal that can move its cursor and is large enough, and its user wants colours.

    False if stdout is a pipe: its reader (tee, less) writes to this terminal too, at any time.
    """
    if not wants_colour(stream) or not os.environ.get("TERM"):
        return False
    with suppress(OSError, ValueError, AttributeError):
        mode = os.fstat(sys.stdout.fileno()).st_mode
        if stat.S_ISFIFO(mode):
            return False
        size = os.get_terminal_size(stream.fileno())
        if size.columns == 0 or size.lines == 0:  # a terminal that does not report its size
            return True
        return size.columns >= MIN_COLUMNS and size.lines >= MIN_LINES
    return False
