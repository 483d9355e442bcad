"""The result of a run as text for a terminal."""

import os
import textwrap
from collections.abc import Iterator, Sequence
from typing import TextIO

from badwire.result.result import CheckResult, ClaimResult, Result
from badwire.util.text import visible

WIDTH = 100  # characters of a line
INDENT = " " * 9  # of the lines below a verdict
NAME_WIDTH = 52  # the greatest width of the column of names, in characters
VALUE_WIDTH = 28  # the greatest width of the column of measured values
COLOURS = {"HOLDS": "32", "FAILS": "31", "UNKNOWN": "33"}


def render(result: Result, colour: bool = False, width: int = WIDTH) -> str:
    """The result: each claim with its verdict and its checks, then a line about the run.

    Claims about the lab itself are shown only if they do not hold. If the run broke off, the checks are left out: the
    reason is the same for all of them, and stderr has it once.
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
    """Checks as rows of a table: name, measured, expected; one that does not hold begins with its verdict."""
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
    claims = [one for one in result.claims if not one.instrument]
    counts = []
    for verdict, word in (("HOLDS", "held"), ("FAILS", "failed"), ("UNKNOWN", "unknown")):
        number = sum(one.verdict == verdict for one in claims)
        if number:
            counts.append(f"{number} of {len(claims)} {word}")
    text = ", ".join(counts)
    if result.error is not None:
        text += "; the run broke off"
    environment = ", ".join(_environment(result))
    if environment:
        text += f" ({environment})"
    return f"{paint(result.verdict, colour)}: {text}"


def _environment(result: Result) -> Iterator[str]:
    environment = result.environment
    if environment.get("substrate"):
        yield environment["substrate"]
    if environment.get("kernel"):
        yield f"Linux {environment['kernel']}"
    if environment.get("engines_used"):
        yield f"faults by {' and '.join(environment['engines_used'])}"
    if environment.get("took") is not None:
        yield f"{environment['took']:.1f} s"


def brief(result: Result, colour: bool = False) -> str:
    """A run in one line, for lists of runs: its verdict, its name, then as in ``summary``."""
    verdict, _, rest = summary(result, colour).partition(": ")
    return f"{verdict}{' ' * (9 - len(result.verdict))}{result.scenario}: {rest}"


def count(statuses: Sequence[int]) -> str:
    """How many runs held, failed and were unknown, by their exit statuses."""
    counts = []
    for status, word in ((0, "held"), (1, "failed"), (3, "unknown")):
        number = statuses.count(status)
        if number:
            counts.append(f"{number} {word}")
    others = sum(status not in (0, 1, 3) for status in statuses)
    if others:
        counts.append(f"{others} could not be run")
    return f"{len(statuses)} scenario{'s' * (len(statuses) != 1)}: {', '.join(counts) or 'none was run'}"


def paint(verdict: str, colour: bool) -> str:
    """A verdict, in its colour if ``colour`` is set."""
    return f"\x1b[{COLOURS[verdict]}m{verdict}\x1b[0m" if colour else verdict


def wants_colour(stream: TextIO) -> bool:
    """Whether the stream is a terminal, and NO_COLOR and TERM=dumb are not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
