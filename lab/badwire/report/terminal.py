"""The result of a run as text for a terminal."""

import os
import textwrap
from collections.abc import Iterator, Sequence
from typing import TextIO

from badwire.report.describe import faults_by, given
from badwire.result.result import CheckResult, ClaimResult, Result
from badwire.util.text import visible

WIDTH = 100  # characters of a line
INDENT = " " * 9  # of the lines below a verdict
NAME_WIDTH = 52  # the greatest width of the column of names, in characters
VALUE_WIDTH = 28  # the greatest width of the column of measured values
COLOURS = {  # the parameter of SGR (ECMA-48, section 8.3.117)
    "HOLDS": "32",  # green
    "FAILS": "31",  # red
    "UNKNOWN": "33",  # yellow
}
COUNTED_AS = {
    "HOLDS": "held",
    "FAILS": "failed",
    "UNKNOWN": "unknown",
}
STATUSES = {  # of runs that were judged
    0: "held",
    1: "failed",
    3: "unknown",
}


def render(result: Result, colour: bool = False, width: int = WIDTH) -> str:
    """The result: each claim with its verdict and its checks, then a line about the run.

    Claims about the lab itself are shown only if they do not hold. If the run ended early, the checks are left out: the
    reason is the same for all of them, and stderr has it once.
    """
    lines = [f"{result.scenario}: {result.title}", ""]
    for claim in result.claims:
        if result.error is not None:
            lines.append(_head(claim, colour))
        elif not claim.instrument or claim.verdict != "HOLDS":
            lines += claim_lines(claim, colour, width)
    lines.append("")
    lines.append(summary(result, colour))
    return "\n".join(lines)


def claim_lines(claim: ClaimResult, colour: bool = False, width: int = WIDTH) -> list[str]:
    """One claim: its verdict and title, then a row for each check, then its sources."""
    lines = [_head(claim, colour)]
    lines += check_lines(claim.checks, width)
    if claim.sources:
        sources = "; ".join(claim.sources)
        lines += _wrapped(f"source: {sources}", INDENT, width)
    return lines


def _head(claim: ClaimResult, colour: bool) -> str:
    """A claim's verdict and title; the title begins where the rows of its checks do."""
    title = claim.title
    if claim.instrument:
        title += " (about the lab itself)"
    gap = " " * (len(INDENT) - len(claim.verdict))
    head = f"{paint(claim.verdict, colour)}{gap}{title}"
    return head if colour else visible(head)


def check_lines(checks: Sequence[CheckResult], width: int = WIDTH) -> list[str]:
    """Checks as rows of a table: name, measured, expected; one that does not hold begins with its verdict."""
    names = _names(checks)
    name_width = _column_width(names, NAME_WIDTH)
    value_width = _column_width([check.shown for check in checks], VALUE_WIDTH)
    lines: list[str] = []
    for name, check in zip(names, checks, strict=True):
        measured = check.shown or "-"
        expected = f"expected {check.wanted}" if check.wanted else ""
        row = f"{INDENT}{name:{name_width}}  {measured:{value_width}}  {expected}".rstrip()
        if len(row) <= width:
            lines.append(visible(row))
        else:
            lines += _stacked(name, check.shown, expected, width)
        if check.why:
            lines += _wrapped(str(check.why), INDENT + "  ", width)
    return lines


def _names(checks: Sequence[CheckResult]) -> list[str]:
    """The names of checks, with their verdicts unless all hold."""
    if all(check.verdict == "HOLDS" for check in checks):
        return [str(check.name) for check in checks]
    return [f"{check.verdict:7} {check.name}" for check in checks]


def _column_width(cells: Sequence[str], greatest: int) -> int:
    longest = max((len(cell) for cell in cells), default=0)
    return min(longest, greatest)


def _stacked(name: str, measured: str, expected: str, width: int) -> list[str]:
    """A row that is too long for one line, as lines one below the other."""
    below = INDENT + "  "
    lines = _wrapped(name, INDENT, width)
    if measured:
        lines += _wrapped(f"measured {measured}", below, width)
    if expected:
        lines += _wrapped(expected, below, width)
    return lines


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    wrapped = textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent)
    return [visible(line) for line in wrapped]


def summary(result: Result, colour: bool = False) -> str:
    """The run in one line: its verdict, how many claims held, and what it ran on."""
    verdicts = [claim.verdict for claim in result.claims if not claim.instrument]
    counts = []
    for verdict, participle in COUNTED_AS.items():
        number = verdicts.count(verdict)
        if number:
            counts.append(f"{number} of {len(verdicts)} {participle}")
    text = ", ".join(counts)
    if result.error is not None:
        text += "; the run ended early"
    environment = ", ".join(_environment(result))
    if environment:
        text += f" ({environment})"
    return f"{paint(result.verdict, colour)}: {text}"


def _environment(result: Result) -> Iterator[str]:
    """What the run was made on, as far as it was recorded."""
    substrate = result.environment.get("substrate")
    kernel = result.environment.get("kernel")
    engines = result.environment.get("engines_used")
    seconds = result.environment.get("took")
    if substrate:
        yield substrate
    if kernel:
        yield f"Linux {kernel}"
    if result.environment.get("lang") == "c":
        yield "programs in C"
    yield from map(visible, given(result.environment))
    if engines:
        yield f"faults by {faults_by(result.environment)}"
    if seconds is not None:
        yield f"{seconds:.1f} s"


def brief(result: Result, colour: bool = False) -> str:
    """A run in one line, for lists of runs: its verdict, its name, then as in ``summary``."""
    verdict, _, rest = summary(result, colour).partition(": ")
    gap = " " * (len(INDENT) - len(result.verdict))
    return f"{verdict}{gap}{result.scenario}: {rest}"


def count(statuses: Sequence[int]) -> str:
    """How many runs held, failed and were unknown, by their exit statuses."""
    counts = []
    for status, participle in STATUSES.items():
        number = statuses.count(status)
        if number:
            counts.append(f"{number} {participle}")
    not_judged = [status for status in statuses if status not in STATUSES]
    if not_judged:
        counts.append(f"{len(not_judged)} could not be run")
    scenarios = "1 scenario" if len(statuses) == 1 else f"{len(statuses)} scenarios"
    listed = ", ".join(counts) or "none was run"
    return f"{scenarios}: {listed}"


def paint(verdict: str, colour: bool) -> str:
    """A verdict, in its colour if ``colour`` is set."""
    if not colour:
        return verdict
    return f"\x1b[{COLOURS[verdict]}m{verdict}\x1b[0m"


def wants_colour(stream: TextIO) -> bool:
    """Whether the stream is a terminal, and NO_COLOR and TERM=dumb are not set."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()
