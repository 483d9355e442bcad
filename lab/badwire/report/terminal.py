"""What a person sees: progress while a run goes on (stderr), and the result when it is over (stdout)."""

import os
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from badwire.result.result import Finding, Result
from badwire.util.text import visible

if TYPE_CHECKING:
    pass


COLOURS = {"HOLDS": "32", "FAILS": "31", "UNKNOWN": "33"}


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
