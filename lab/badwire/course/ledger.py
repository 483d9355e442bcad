"""The ledger, in Markdown: every statement of the course texts, the claims that test it, and whether it holds.

Measurements from runs are on lines of their own, so that a test can compare all other lines with the claims.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from badwire.claims.check import HOLDS
from badwire.claims.claim import Claim
from badwire.claims.sources import Text
from badwire.course.measured import NO_MEASUREMENTS, KernelOfRun, Measurement, Measurements
from badwire.course.textbook import ShortVersion, Statement, Textbook
from badwire.errors import RequestError
from badwire.result.result import ClaimResult
from badwire.scenario.scenario_file import Scenario


class Status(StrEnum):
    """Whether a statement holds. If its claims differ, the statement has the status that is listed first here."""

    DOES_NOT_HOLD = "does not hold"
    DEPENDS = "depends"
    HOLDS = "holds"
    UNTESTED = "is not tested"


@dataclass(frozen=True)
class Citation:
    """A claim that tests a statement.

    ``correction`` says what is true instead, what the statement depends on, or, if it holds, what to know besides.
    """

    scenario: Scenario
    claim: Claim
    status: Status
    correction: str = ""

    @classmethod
    def of(cls, scenario: Scenario, claim: Claim, text: Text) -> "Citation":
        """Make the citation of a statement that is one of the claim's sources."""
        if text.no:
            return cls(scenario, claim, Status.DOES_NOT_HOLD, text.no)
        if text.depends:
            return cls(scenario, claim, Status.DEPENDS, text.depends)
        return cls(scenario, claim, Status.HOLDS, text.note)

    @property
    def other_sources(self) -> str:
        """The claim's sources that are not statements: sections of RFCs, symbols of the kernel, manual pages, books."""
        sources = [str(source) for source in self.claim.sources if not isinstance(source, Text)]
        return "; ".join(sources)


@dataclass(frozen=True)
class LedgerEntry:
    """A statement with every claim that tests it, in the order of scenarios and of claims."""

    statement: Statement
    citations: tuple[Citation, ...]

    @property
    def status(self) -> Status:
        """The status of the statement. It does not hold if any of its claims shows that it does not."""
        found = {citation.status for citation in self.citations}
        for status in Status:
            if status in found:
                return status
        return Status.UNTESTED

    @property
    def corrections(self) -> tuple[str, ...]:
        """The corrections of the claims that decide the status, without duplicates."""
        corrections: list[str] = []
        for citation in self.citations:
            if citation.status is not self.status or not citation.correction:
                continue
            if citation.correction not in corrections:
                corrections.append(citation.correction)
        return tuple(corrections)


def entries(book: Textbook, scenarios: Iterable[Scenario]) -> tuple[LedgerEntry, ...]:
    """Return the ledger entries of all statements, in the order of the textbook.

    Raises:
        RequestError: a claim cites a statement that does not exist.
    """
    citations_of: dict[str, list[Citation]] = {}
    for number in book.numbers:
        citations_of[number] = []
    for scenario in scenarios:
        for claim in scenario.claims:
            texts = [source for source in claim.sources if isinstance(source, Text)]
            for text in texts:
                number = text.statement
                if number not in citations_of:
                    raise RequestError(
                        f"{scenario.name}: the claim {claim.name} cites {number}, which docs/textbook.md does not have;"
                        " correct it."
                    )
                citation = Citation.of(scenario, claim, text)
                citations_of[number].append(citation)
    found = []
    for statement in book.statements:
        citations = citations_of[statement.number]
        found.append(LedgerEntry(statement, tuple(citations)))
    return tuple(found)


LONGEST = 80  # the maximum length of a measured value as it is shown, in characters
MOST_CHECKS = 4  # the checks of a claim that are shown
DIFFERENCES = "## Where the kernels differ"  # a section that only runs on several kernels give
COLUMNS = ("claim", "what is true", "source")  # of a statement's table; a column for each kernel follows
PLURAL = {
    Status.HOLDS: "hold",
    Status.DEPENDS: "depend",
    Status.DOES_NOT_HOLD: "do not hold",
}
_BETWEEN_CELLS = re.compile(r"(?<!\\)\|")  # an escaped bar is within a cell
INTRODUCTION = """# The ledger

What five course texts say about sockets on Linux, and what Linux does. Each statement is followed by the claims that
test it, with what their first checks measured on each kernel; `make lab SCENARIO=timewait` runs a scenario and shows
all of its claims. `make ledger` makes this document from the claims and from the last run of each scenario on each
kernel. The statements are those of [textbook.md](textbook.md).
"""


def render(
    ledger: Sequence[LedgerEntry],
    short_versions: Sequence[ShortVersion] = (),
    measurements: Measurements = NO_MEASUREMENTS,
) -> str:
    """Render the ledger as a Markdown document."""
    parts = [
        INTRODUCTION.splitlines(),
        _summary(ledger),
        _runs(ledger, measurements),
        _short_versions(short_versions, ledger),
        _corrections(ledger),
        _differences(ledger, measurements),
    ]
    for chapter, chapter_entries in groupby(ledger, key=lambda entry: entry.statement.chapter):
        parts.append([f"## {chapter}"])
        for entry in chapter_entries:
            parts.append(_section(entry, measurements))
    texts = ["\n".join(lines) for lines in parts if lines]
    return "\n\n".join(texts) + "\n"


def without_measurements(document: str) -> str:
    """Return a rendered ledger without what comes from runs: the part that depends on the claims alone."""
    lines = []
    in_table = False
    in_differences = False
    for line in document.splitlines():
        if line.startswith("## "):
            in_differences = line == DIFFERENCES
        if in_differences or line.startswith("- measured "):
            continue
        if line.startswith(f"| {COLUMNS[0]} |"):
            in_table = True
        elif not line.startswith("|"):
            in_table = False
        lines.append(_first_cells(line) if in_table else line)
    without = "\n".join(lines) + "\n"
    return re.sub(r"\n{3,}", "\n\n", without)


def _first_cells(row: str) -> str:
    """A row of a statement's table without the columns of kernels."""
    cells = _BETWEEN_CELLS.split(row)
    end = 1 + len(COLUMNS)  # the first one is empty, since a row begins with a bar
    return "|".join(cells[:end]) + "|"


def _summary(ledger: Sequence[LedgerEntry]) -> list[str]:
    statements = [entry for entry in ledger if not entry.statement.about_a_program]
    programs = [entry for entry in ledger if entry.statement.about_a_program]
    lines = [
        f"| of {len(statements)} statements | |",
        "|---|---|",
    ]
    for status, verb in PLURAL.items():
        count = sum(entry.status is status for entry in statements)
        lines.append(f"| {count} | {verb} |")
    untested = [entry for entry in statements if entry.status is Status.UNTESTED]
    if untested:
        lines.append(f"| {len(untested)} | are not tested: {_links(untested)} |")
    if programs:
        not_run = [entry for entry in programs if not entry.citations]
        count = len(programs) - len(not_run)
        exceptions = f"; not {_links(not_run)}" if not_run else ""
        lines.append(f"| {count} of {len(programs)} | programs that the texts build are run by claims{exceptions} |")
    return lines


def _runs(ledger: Sequence[LedgerEntry], measurements: Measurements) -> list[str]:
    lines = []
    for kernel in measurements.kernels:
        count = measurements.scenarios(kernel)
        scenarios = "1 scenario" if count == 1 else f"{count} scenarios"
        lines.append(f"- measured on {kernel}, HZ {kernel.hz}, on the {kernel.clock} clock: {scenarios}")
    for entry in ledger:
        link = _link(entry.statement.number)
        for citation in entry.citations:
            name = citation.scenario.name
            for kernel, result in _measured(citation, measurements):
                if result.verdict != HOLDS:
                    lines.append(f"- measured with {result.verdict}: {link} in {name} on {kernel}")
    return lines


def _short_versions(short_versions: Iterable[ShortVersion], ledger: Iterable[LedgerEntry]) -> list[str]:
    entry_of = {entry.statement.number: entry for entry in ledger}
    rows = []
    for short_version in short_versions:
        entry = entry_of.get(short_version.number)
        if entry is None:
            continue
        status = entry.status
        truth = "; ".join(entry.corrections) or entry.statement.text
        if short_version.contradicts and status in (Status.HOLDS, Status.DEPENDS):
            status = Status.DOES_NOT_HOLD
            truth = entry.statement.text
        link = _link(short_version.number)
        cell = _cell(truth)
        rows.append(f"| {short_version.text} | {status} | {cell} ({link}) |")
    if not rows:
        return []
    return [
        "## Short versions that are often repeated",
        "",
        "| | | what is true |",
        "|---|---|---|",
        *rows,
    ]


def _corrections(ledger: Sequence[LedgerEntry]) -> list[str]:
    rows = []
    for status in (Status.DOES_NOT_HOLD, Status.DEPENDS):
        for entry in ledger:
            if entry.status is not status:
                continue
            link = _link(entry.statement.number)
            text = _cell(entry.statement.text)
            corrections = "; ".join(entry.corrections)
            correction = _cell(f"{status}: {corrections}")
            rows.append(f"| {link} | {text} | {correction} |")
    if not rows:
        return []
    return [
        "## What does not hold, or depends",
        "",
        "| | the texts say | |",
        "|---|---|---|",
        *rows,
    ]


def _differences(ledger: Iterable[LedgerEntry], measurements: Measurements) -> list[str]:
    """Each claim whose verdict, or what a check of it expects, is not the same on all kernels of the virtual clock.

    On the real clock the machine and its load make differences too, since many expectations are themselves measured.
    Checks that another seed changes are left out.
    """
    kernels = [kernel for kernel in measurements.kernels if kernel.clock == "virtual"]
    rows: dict[str, str] = {}
    for entry in ledger:
        for citation in entry.citations:
            measured = _measured(citation, measurements)
            random = {
                check.check
                for check in measurements.random
                if (check.scenario, check.claim) == (citation.scenario.name, citation.claim.name)
            }
            cell_on = _differing_cells({kernel: result for kernel, result in measured if kernel in kernels}, random)
            if cell_on:
                claim = _claim_cell(citation)
                cells = [cell_on.get(kernel, "") for kernel in kernels]
                rows[claim] = _row([claim, *cells])
    if not rows:
        return []
    columns = ["claim", *_column_titles(kernels)]
    return [
        DIFFERENCES,
        "",
        "On the virtual clock, where nothing but the kernel makes a difference: what it does, or its tick (HZ). What",
        "another seed changes on one kernel is left out.",
        "",
        _row(columns),
        "|" + "---|" * len(columns),
        *rows.values(),
    ]


def _differing_cells(result_on: Mapping[KernelOfRun, ClaimResult], random: Collection[str]) -> dict[KernelOfRun, str]:
    """For each kernel the verdict and the expectations that are not the same on all; empty if none differs.

    ``random`` are the names of checks that are left out.
    """
    verdicts = {result.verdict for result in result_on.values()}
    wanted: dict[str, set[str]] = {}
    for result in result_on.values():
        for check in result.checks:
            wanted.setdefault(str(check.name), set()).add(check.wanted)
    cells = {}
    for kernel, result in result_on.items():
        lines = [result.verdict] if len(verdicts) > 1 else []
        for check in result.checks:
            if str(check.name) not in random and len(wanted[str(check.name)]) > 1:
                lines.append(f"{check.name}: {_code(check.wanted)}")
        if lines:
            cells[kernel] = "<br>".join(lines)
    return cells


def _column_titles(kernels: Iterable[KernelOfRun]) -> list[str]:
    return [f"{kernel}, {kernel.clock} clock" for kernel in kernels]


def _section(entry: LedgerEntry, measurements: Measurements) -> list[str]:
    number = entry.statement.number
    heading = f'### <a id="{number}"></a>{number}'
    is_run_program = entry.statement.about_a_program and entry.citations
    if not is_run_program:
        heading += f" {entry.status}"
    lines = [heading, "", f"> {entry.statement.text}"]
    if not entry.citations:
        return lines
    columns = [*COLUMNS, *_column_titles(measurements.kernels)]
    lines += ["", _row(columns), "|" + "---|" * len(columns)]
    for citation in entry.citations:
        cells = [_claim_cell(citation), _truth(citation), citation.other_sources]
        result_on = dict(_measured(citation, measurements))
        for kernel in measurements.kernels:
            result = result_on.get(kernel)
            cells.append("" if result is None else _format_result(result))
        lines.append(_row(cells))
    return lines


def _claim_cell(citation: Citation) -> str:
    name = citation.scenario.name
    return f"[{name}](../scenarios/{name}.py): *{citation.claim.title}*"


def _truth(citation: Citation) -> str:
    """Whether the statement holds by this claim, and what is true instead or besides."""
    if citation.correction:
        return f"{citation.status}: {citation.correction}"
    return str(citation.status)


def _measured(citation: Citation, measurements: Measurements) -> tuple[Measurement, ...]:
    return measurements.of(citation.scenario.name, citation.claim.name)


def _format_result(claim: ClaimResult) -> str:
    """What the checks measured that decide the verdict, each on a line of its cell."""
    lines = []
    for check in claim.deciding[:MOST_CHECKS]:
        value = _code(check.shown or "-")
        line = f"{check.name}: {value}"
        if claim.verdict != HOLDS:
            why = str(check.why) or f"expected {check.wanted}"
            line = f"**{claim.verdict}** {line}, {why}"
        lines.append(line)
    more = len(claim.deciding) - MOST_CHECKS
    if more > 0:
        lines.append(f"and {more} more")
    return "<br>".join(lines)


def _code(text: str) -> str:
    """A text as code in Markdown, which a backtick would end."""
    quoted = _shortened(text).replace("`", "'")
    return f"`{quoted}`"


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    if len(text) <= LONGEST:
        return text
    kept = text[: LONGEST - 3].rstrip()
    return f"{kept}..."


def _row(cells: Iterable[str]) -> str:
    escaped = [_cell(cell) for cell in cells]
    joined = " | ".join(escaped)
    return f"| {joined} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _link(number: str) -> str:
    return f"[{number}](#{number})"


def _links(entries: Iterable[LedgerEntry]) -> str:
    links = [_link(entry.statement.number) for entry in entries]
    return ", ".join(links)
