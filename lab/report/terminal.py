"""What a person sees: progress while a run goes on (stderr), and the result when it is over (stdout)."""

import os
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Sequence
from typing import Self, TextIO

from lab.report.result import Finding, Result

COLOURS = {"HOLDS": "32", "FAILS": "31", "UNKNOWN": "33"}


class Progress:
    """Tells on stderr what goes on: on a terminal one line that is written over, with the seconds running on; else one
    line for each step. Used as a context manager, so that the line is gone when others write.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.updating = self.stream.isatty() and not quiet
        self.began = time.monotonic()
        self.step: str | None = None
        self.lock = threading.Lock()
        self.over = threading.Event()

    def __enter__(self) -> Self:
        if self.updating:
            threading.Thread(target=self._tick, name="progress", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.done()

    def __call__(self, text: str) -> None:
        """One step; on a terminal it replaces the step before."""
        if self.quiet:
            return
        with self.lock:
            self.step = text
            if self.updating:
                self._draw()
            else:
                print(f"{self._seconds()}  {text}", file=self.stream, flush=True)

    def say(self, text: str) -> None:
        """A sentence that stays, even on a terminal."""
        if not self.quiet:
            self.done()
            print(text, file=self.stream, flush=True)

    def done(self) -> None:
        """Clear the updating line, so that what follows begins on a fresh one."""
        with self.lock:
            if self.updating and self.step is not None:
                print("\r\x1b[2K", end="", file=self.stream, flush=True)
            self.step = None

    def _tick(self) -> None:
        while not self.over.wait(1.0):
            with self.lock:
                if self.step is not None:
                    self._draw()

    def _draw(self) -> None:
        line = f"{self._seconds()}  {self.step}"[: shutil.get_terminal_size().columns - 1]
        print(f"\r\x1b[2K{line}", end="", file=self.stream, flush=True)

    def _seconds(self) -> str:
        return f"{time.monotonic() - self.began:6.1f} s"


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
            line
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
