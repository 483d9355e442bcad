"""What a person sees: progress while a run goes on (stderr), and the result when it is over (stdout)."""

import os
import textwrap
from collections.abc import Sequence
from typing import TextIO

from badwire.result.result import CheckResult, ClaimResult, Result
from badwire.util.text import visible

WIDTH = 100  # characters of a line
INDENT = " " * 9  # under a verdict
NAME_WIDTH = 52  # characters of the column of names at most
VALUE_WIDTH = 28  # characters of the column of measured values at most
COLOURS = {"HOLDS": "32", "FAILS": "31", "UNKNOWN": "33"}


def render(result: Result, colour: bool = False, width: int = WIDTH) -> str:
    """The result for people: each claim with its verdict and its checks; then the run as a whole.

    What the lab says of itself takes room only where it does not hold. When the run broke off, the reason is the same
    for each claim, and stderr has it once.
    """
    lines = [f"{result.scenario}: {result.title}", ""]
    for claim in result.claims:
        if result.error is not None:
            lines.append(claim_lines(claim, colour, width)[0])
        elif not claim.instrument or claim.verdict != "HOLDS":
            lines += claim_lines(claim, colour, width)
    return "\n".join([*lines, "", summary(result, colour)])


def claim_lines(claim: ClaimResult, colour: bool = False, width: int = WIDTH) -> list[str]:
    """One claim: its verdict and title, then a row for each check, then its sources."""
    about = " (about the lab itself)" if claim.instrument else ""
    head = f"{paint(claim.verdict, colour)}{' ' * (len(INDENT) - len(claim.verdict))}{claim.title}{about}"
    lines = [visible(head)] if not colour else [head]
    lines += check_lines(claim.checks, width)
    if claim.sources:
        lines += _wrapped(f"source: {'; '.join(claim.sources)}", INDENT, width)
    return lines


def check_lines(checks: Sequence[CheckResult], width: int = WIDTH) -> list[str]:
    """Checks as rows of a table: name, measured, expected; what does not hold begins with its verdict."""
    mixed = any(check.verdict != "HOLDS" for check in checks)
    names = [f"{check.verdict + ' ':8}{check.name}" if mixed else str(check.name) for check in checks]
    first = min(max(map(len, names), default=0), NAME_WIDTH)
    second = min(max((len(check.shown) for check in checks), default=0), VALUE_WIDTH)
    lines: list[str] = []
    for name, check in zip(names, checks, strict=True):
        expected = f"expected {check.wanted}" if check.wanted else ""
        row = f"{INDENT}{name:{first}}  {check.shown or '-':{second}}  {expected}".rstrip()
        lines += [visible(row)] if len(row) <= width else _broken(name, check.shown, expected, width)
        if check.why:
            lines += _wrapped(str(check.why), f"{INDENT}  ", width)
    return lines


def _broken(name: str, measured: str, expected: str, width: int) -> list[str]:
    """A row that is too long for one line."""
    lines = _wrapped(name, INDENT, width)
    if measured:
        lines += _wrapped(f"measured {measured}", f"{INDENT}  ", width)
    if expected:
        lines += _wrapped(expected, f"{INDENT}  ", width)
    return lines


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    wrapped = textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent)
    return [visible(line) for line in wrapped]


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
