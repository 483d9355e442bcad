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
_SPECIAL = re.compile(r"([\\`*_\[\]<>~$&])")  # characters with a meaning in Markdown


def render(ended: Sequence["RunOutcome"], not_run: Sequence[tuple[Scenario, str]] = ()) -> str:
    """The document. ``not_run`` has scenarios with the reason for each."""
    statuses = [run.result.status for _, run in ended]
    parts = [
        [f"### badwire: {terminal.count(statuses)}"],
        ["| | scenario | |", "|---|---|---|", *(_row(*one) for one in ended)] if ended else [],
        list(_not_held(ended)),
        [f"- {_text(scenario.name)} gave no result: {_text(why)}" for scenario, why in not_run],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n\n"


def _row(scenario: Scenario, run: "Run") -> str:
    result = run.result
    if run.folder is None:
        return f"| **not run** | {_text(scenario.name)} | {_text(str(run.error))} |"
    summary = _text(terminal.summary(result).partition(": ")[2])
    broke = f"<br>{_text(result.error)}" if result.error is not None else ""
    return f"| {_verdict(result.verdict)} | {_text(result.scenario)} | {summary}{broke} |"


def _not_held(ended: Iterable["RunOutcome"]) -> Iterator[str]:
    rows = [
        _check_row(result, claim, check)
        for result in _results(ended)
        if result.error is None
        for claim in result.claims
        if claim.verdict != "HOLDS"
        for check in claim.deciding
    ]
    if rows:
        yield from (
            "| | what does not hold | check | measured | expected | source |",
            "|---|---|---|---|---|---|",
            *rows,
        )


def _check_row(result: Result, claim: ClaimResult, check: CheckResult) -> str:
    cells = (
        _verdict(check.verdict),
        _text(f"{result.scenario}: {claim.title}"),
        _text(str(check.name)),
        "<br>".join(_text(part) for part in (check.shown, str(check.why)) if part),
        _text(check.wanted),
        _text("; ".join(claim.sources)),
    )
    return f"| {' | '.join(cells)} |"


def _results(ended: Iterable["RunOutcome"]) -> Iterator[Result]:
    return (run.result for _, run in ended if run.folder is not None)


def _verdict(verdict: str) -> str:
    return verdict if verdict == "HOLDS" else f"**{verdict}**"


def _text(text: str) -> str:
    """One line of text with Markdown escaped, and the bar of a table as an entity."""
    text = " ".join(text.split())
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return _SPECIAL.sub(r"\\\1", text).replace("|", "&#124;")
