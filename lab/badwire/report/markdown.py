"""Runs as Markdown, for the page of a CI's job: a table of scenarios, then every check that does not hold.

A measurement may contain what a program printed, so all text is escaped.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from badwire.report import terminal
from badwire.result.result import CheckResult, ClaimResult, Result
from badwire.scenario.scenario_file import Scenario

if TYPE_CHECKING:
    from badwire.result.result import Run, RunOutcome

LONGEST = 300  # characters of a measurement that are shown
SCENARIO_COLUMNS = ("", "scenario", "")
CHECK_COLUMNS = ("", "what does not hold", "check", "measured", "expected", "source")
_SPECIAL = re.compile(r"([\\`*_\[\]<>~$&])")  # characters with a meaning in Markdown


def render(ended: Sequence["RunOutcome"], not_run: Sequence[tuple[Scenario, str]] = ()) -> str:
    """The document. ``not_run`` has scenarios with the reason for each."""
    statuses = [run.result.status for _, run in ended]
    parts = [f"### badwire: {terminal.count(statuses)}"]
    if ended:
        rows = [_row(scenario, run) for scenario, run in ended]
        parts.append(_table(SCENARIO_COLUMNS, rows))
    checks = list(_not_held(ended))
    if checks:
        parts.append(_table(CHECK_COLUMNS, checks))
    if not_run:
        reasons = [f"- {_text(scenario.name)} has no result: {_text(why)}" for scenario, why in not_run]
        parts.append("\n".join(reasons))
    return "\n\n".join(parts) + "\n\n"


def _table(columns: Sequence[str], rows: Iterable[str]) -> str:
    heads = "".join(f"| {name} " if name else "| " for name in columns)
    rule = "|---" * len(columns)
    return "\n".join([f"{heads}|", f"{rule}|", *rows])


def _row(scenario: Scenario, run: "Run") -> str:
    """A scenario's row: its verdict, its name and a summary."""
    result = run.result
    if run.folder is None:
        return f"| **not run** | {_text(scenario.name)} | {_text(str(run.error))} |"
    _, _, after_verdict = terminal.summary(result).partition(": ")
    summary = _text(after_verdict)
    if result.error is not None:
        summary += f"<br>{_text(result.error)}"
    return f"| {_verdict(result.verdict)} | {_text(result.scenario)} | {summary} |"


def _not_held(ended: Iterable["RunOutcome"]) -> Iterator[str]:
    """A row for each check that decided a claim against it; none for runs that ended early or could not begin."""
    for _, run in ended:
        result = run.result
        if run.folder is None or result.error is not None:
            continue
        for claim in result.claims:
            if claim.verdict == "HOLDS":
                continue
            for check in claim.deciding:
                yield _check_row(result, claim, check)


def _check_row(result: Result, claim: ClaimResult, check: CheckResult) -> str:
    measured = []
    for part in (check.shown, str(check.why)):
        if part:
            measured.append(_text(part))
    cells = (
        _verdict(check.verdict),
        _text(f"{result.scenario}: {claim.title}"),
        _text(str(check.name)),
        "<br>".join(measured),
        _text(check.wanted),
        _text("; ".join(claim.sources)),
    )
    row = " | ".join(cells)
    return f"| {row} |"


def _verdict(verdict: str) -> str:
    return verdict if verdict == "HOLDS" else f"**{verdict}**"


def _text(text: str) -> str:
    """One line of text with Markdown escaped, and the bar of a table as an entity."""
    line = " ".join(text.split())
    if len(line) > LONGEST:
        line = line[: LONGEST - 1] + "…"
    escaped = _SPECIAL.sub(r"\\\1", line)
    return escaped.replace("|", "&#124;")
