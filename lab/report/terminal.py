"""What a person sees: progress while a run goes on (stderr), and the result when it is over (stdout)."""

import os
import stat
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from lab.report.result import Finding, Result
from lab.report.visible import visible

if TYPE_CHECKING:
    from lab.report.live import Live

COLOURS = {"HOLDS": "32", "FAILS": "31", "UNKNOWN": "33"}
NARROWEST, LOWEST = 60, 12  # columns and lines of a terminal that the live screen fits on


class Progress:
    """Tells on stderr what goes on: on a terminal the live screen, else a line for each step. A context manager, so
    that the screen is gone when others write.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.began = time.monotonic()
        self._live: Live | None = None
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        if not self.quiet and can_be_painted(self.stream):
            from lab.report.live import Live  # a run without a terminal does without

            with suppress(OSError, ValueError):  # no descriptor to be had, or not in the main thread
                self._live = self._undo.enter_context(Live(self.stream))
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    @property
    def live(self) -> "Live | None":
        """The live screen, if there is one and it works."""
        return self._live if self._live is not None and self._live.failure is None else None

    @property
    def updating(self) -> bool:
        """Whether what was told last is written over."""
        return self.live is not None

    def __call__(self, text: str) -> None:
        """One step."""
        if self.live is not None:
            self.live.step(text)
        elif not self.quiet:
            print(f"{time.monotonic() - self.began:6.1f} s  {visible(text)}", file=self.stream, flush=True)

    def heard(self, name: str, text: str) -> None:
        """One step of one of several runs at once."""
        if self.live is not None:
            self.live.heard(name, text)
        else:
            self(f"{name}: {text}")

    def watching(self, heading: str, folder: Path) -> AbstractContextManager[None]:
        """A run leaves its evidence in ``folder``."""
        return self.live.watching(heading, folder) if self.live is not None else nullcontext()

    def expect(self, runs: int) -> None:
        """So many runs are to come."""
        if self.live is not None:
            self.live.expect(runs)

    def say(self, text: str) -> None:
        """A sentence that stays, even on a terminal."""
        if not self.quiet:
            with self.aside():
                print(visible(text), file=self.stream, flush=True)

    def done(self) -> None:
        """Show nothing until the next step: what follows begins on a fresh line."""
        if self.live is not None:
            self.live.step("")
        with self.aside():
            pass

    @contextmanager
    def aside(self, ended: str = "") -> Iterator[None]:
        """Others write, such as how the run ``ended`` has ended."""
        if self.live is None:
            yield
            return
        if ended:
            self.live.ended(ended)
        with self.live.aside():
            yield
            sys.stdout.flush()


def can_be_painted(stream: TextIO) -> bool:
    """True on a terminal that can move its cursor and is large enough, whose user has not asked for less.

    Not where stdout is a pipe: whoever reads it (tee, less) writes on this terminal too, at a time of its own.
    """
    if not wants_colour(stream) or not os.environ.get("TERM"):
        return False
    with suppress(OSError, ValueError, AttributeError):
        if stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode):
            return False
        size = os.get_terminal_size(stream.fileno())
        return not size.columns or not size.lines or (size.columns >= NARROWEST and size.lines >= LOWEST)
    return False


def render(result: Result, colour: bool = False, width: int = 100) -> str:
    """The result for people: each claim with its verdict, what was measured, expected and why; then the whole.

    What the instrument says of itself takes room only where it does not hold. When the run broke off, each claim's why
    is the same, which stderr tells once.
    """
    lines = [f"{result.scenario}: {result.title}", ""]
    for finding in result.claims:
        if result.error is not None:
            lines.append(finding_lines(finding, colour, width)[0])
        elif not finding.instrument or finding.verdict != "HOLDS":
            lines += finding_lines(finding, colour, width)
    return "\n".join([*lines, "", summary(result, colour)])


def finding_lines(finding: Finding, colour: bool = False, width: int = 100) -> list[str]:
    """One claim: its verdict and sentence, then indented what there is to say about it."""
    about = " (about the lab itself)" if finding.instrument else ""
    head = f"{paint(finding.verdict, colour)}{' ' * (9 - len(finding.verdict))}{finding.sentence}{about}"
    numbers = [("measured", finding.shown), ("expected", f"{finding.expected} {finding.unit}".strip())]
    said = "; ".join(f"{word} {value}" for word, value in numbers if value)
    details = [said, finding.why, f"source: {'; '.join(finding.sources)}" if finding.sources else ""]
    indent = " " * 9
    return [
        head,
        *(
            visible(line)
            for text in details
            for line in textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent)
        ),
    ]


def summary(result: Result, colour: bool = False) -> str:
    """The run in one line: its verdict, how many claims held, and what it ran on."""
    book = [one for one in result.claims if not one.instrument]
    words = (("HOLDS", "held"), ("FAILS", "failed"), ("UNKNOWN", "unknown"))
    counts = [(sum(one.verdict == verdict for one in book), word) for verdict, word in words]
    told = ", ".join(f"{number} of {len(book)} {word}" for number, word in counts if number)
    ran = result.environment
    told += "; the run broke off" if result.error is not None else ""
    how = [ran.get("substrate"), f"Linux {ran['kernel']}" if ran.get("kernel") else None]
    how.append(f"faults by {' and '.join(ran['engines_used'])}" if ran.get("engines_used") else None)
    how.append(f"{ran['took']:.1f} s" if ran.get("took") is not None else None)
    told += f" ({', '.join(part for part in how if part)})" if any(how) else ""
    return f"{paint(result.verdict, colour)}: {told}"


def brief(result: Result, colour: bool = False) -> str:
    """A run in one line that begins with its verdict and its name: for many runs."""
    verdict, _, told = summary(result, colour).partition(": ")
    return f"{verdict}{' ' * (9 - len(result.verdict))}{result.scenario}: {told}"


def count(statuses: Sequence[int]) -> str:
    """How many runs ended how, by their exit statuses."""
    words = ((0, "held"), (1, "failed"), (3, "unknown"))
    told = [f"{number} {word}" for status, word in words if (number := statuses.count(status))]
    others = sum(status not in (0, 1, 3) for status in statuses)
    told += [f"{others} could not be run"] if others else []
    return f"{len(statuses)} scenario{'s' * (len(statuses) != 1)}: {', '.join(told) or 'none was run'}"


def paint(verdict: str, colour: bool) -> str:
    """A verdict, in its colour if the reader's terminal has any."""
    return f"\x1b[{COLOURS[verdict]}m{verdict}\x1b[0m" if colour else verdict


def wants_colour(stream: TextIO) -> bool:
    """True on a terminal whose user has not asked for none (NO_COLOR)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
