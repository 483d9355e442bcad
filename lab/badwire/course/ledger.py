"""The ledger, in Markdown: every statement of the course texts, the claims that test it, and whether it holds.

Measurements from runs are on lines of their own, so that a test can compare all other lines with the claims.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from badwire.claims.check import HOLDS
from badwire.claims.claim import Claim
from badwire.claims.sources import Text
from badwire.course.measured import NO_MEASUREMENTS, KernelOfRun, Measurements
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
    """A claim that tests a statement. ``correction`` says what is true instead, or what the statement depends on."""

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
        return cls(scenario, claim, Status.HOLDS)


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
        deciding = [each for each in self.citations if each.status is self.status]
        return tuple(dict.fromkeys(each.correction for each in deciding if each.correction))


def entries(book: Textbook, scenarios: Iterable[Scenario]) -> tuple[LedgerEntry, ...]:
    """Return the ledger entries of all statements, in the order of the textbook.

    Raises:
        RequestError: a claim cites a statement that does not exist.
    """
    cited: dict[str, list[Citation]] = {number: [] for number in book.numbers}
    for scenario in scenarios:
        for claim in scenario.claims:
            for source in claim.sources:
                if not isinstance(source, Text):
                    continue
                if source.statement not in cited:
                    where = f"{scenario.name}: the claim {claim.name}"
                    raise RequestError(f"{where} cites {source.statement}, which docs/textbook.md does not have.")
                cited[source.statement].append(Citation.of(scenario, claim, source))
    return tuple(LedgerEntry(statement, tuple(cited[statement.number])) for statement in book.statements)


LONGEST = 100  # the maximum length of a measurement as it is shown, in characters
PLURAL = {Status.HOLDS: "hold", Status.DEPENDS: "depend", Status.DOES_NOT_HOLD: "do not hold"}
_FROM_RUNS = re.compile(r"^ *- measured\b.*\n", re.MULTILINE)
INTRODUCTION = """# The ledger

What five course texts say about sockets on Linux, and what Linux does. Each statement is followed by the claims that
test it; `make lab SCENARIO=timewait` runs a scenario and shows all of its claims. `make ledger` makes this document
from the claims and from the last run of each scenario on each kernel. The statements are those of
[textbook.md](textbook.md).
"""


def render(
    ledger: Sequence[LedgerEntry],
    short_versions: Sequence[ShortVersion] = (),
    measurements: Measurements = NO_MEASUREMENTS,
) -> str:
    """Render the ledger as a Markdown document."""
    by_number = {entry.statement.number: entry for entry in ledger}
    parts = [
        INTRODUCTION,
        "\n".join(_summary(ledger)),
        "\n".join(_runs(ledger, measurements)),
        "\n".join(_short_versions(short_versions, by_number)),
        "\n".join(_corrections(ledger)),
    ]
    for chapter, group in groupby(ledger, key=lambda entry: entry.statement.chapter):
        parts += [f"## {chapter}", *("\n".join(_section(entry, measurements)) for entry in group)]
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def without_measurements(document: str) -> str:
    """Return a rendered ledger without its lines of measurements: the part that depends on the claims alone."""
    return re.sub(r"\n{3,}", "\n\n", _FROM_RUNS.sub("", document))


def _summary(ledger: Sequence[LedgerEntry]) -> Iterator[str]:
    statements = [entry for entry in ledger if not entry.statement.about_a_program]
    programs = [entry for entry in ledger if entry.statement.about_a_program]
    yield f"| of {len(statements)} statements | |"
    yield "|---|---|"
    for status in (Status.HOLDS, Status.DEPENDS, Status.DOES_NOT_HOLD):
        yield f"| {sum(entry.status is status for entry in statements)} | {PLURAL[status]} |"
    untested = [entry for entry in statements if entry.status is Status.UNTESTED]
    if untested:
        yield f"| {len(untested)} | are not tested: {_links(untested)} |"
    if programs:
        run = [entry for entry in programs if entry.citations]
        missing = [entry for entry in programs if not entry.citations]
        rest = f"; not {_links(missing)}" if missing else ""
        yield f"| {len(run)} of {len(programs)} | programs that the texts build are run by claims{rest} |"


def _runs(ledger: Sequence[LedgerEntry], measurements: Measurements) -> Iterator[str]:
    for kernel in measurements.kernels:
        count = measurements.scenarios(kernel)
        scenarios = f"{count} scenario{'s' * (count != 1)}"
        yield f"- measured on {kernel}, HZ {kernel.hz}, on the {kernel.clock} clock: {scenarios}"
    for entry in ledger:
        for citation in entry.citations:
            for kernel, result in _judged(citation, measurements):
                if result.verdict != HOLDS:
                    link = _link(entry.statement.number)
                    yield f"- measured with {result.verdict}: {link} in {citation.scenario.name} on {kernel}"


def _short_versions(short_versions: Iterable[ShortVersion], by_number: dict[str, LedgerEntry]) -> Iterator[str]:
    known = [each for each in short_versions if each.number in by_number]
    if known:
        yield from ("## Short versions that are often repeated", "", "| | | what is true |", "|---|---|---|")
    for each in known:
        entry = by_number[each.number]
        status = entry.status
        truth = "; ".join(entry.corrections) or entry.statement.text
        if each.contradicts and status in (Status.HOLDS, Status.DEPENDS):
            status = Status.DOES_NOT_HOLD
            truth = entry.statement.text
        yield f"| {each.text} | {status} | {_cell(truth)} ({_link(each.number)}) |"


def _corrections(ledger: Iterable[LedgerEntry]) -> Iterator[str]:
    wrong = [entry for entry in ledger if entry.status in (Status.DOES_NOT_HOLD, Status.DEPENDS)]
    if wrong:
        yield from ("## What does not hold, or depends", "", "| | the texts say | |", "|---|---|---|")
    for entry in sorted(wrong, key=lambda entry: list(Status).index(entry.status)):
        correction = f"{entry.status}: {'; '.join(entry.corrections)}"
        yield f"| {_link(entry.statement.number)} | {_cell(entry.statement.text)} | {_cell(correction)} |"


def _section(entry: LedgerEntry, measurements: Measurements) -> Iterator[str]:
    number = entry.statement.number
    status = f" {entry.status}" if not entry.statement.about_a_program or not entry.citations else ""
    yield f'### <a id="{number}"></a>{number}{status}'
    yield ""
    yield f"> {entry.statement.text}"
    yield ""
    for citation in entry.citations:
        name = citation.scenario.name
        status = "" if citation.status is entry.status else f" ({citation.status})"
        correction = f": {citation.correction}" if citation.correction else ""
        yield f"- [{name}](../scenarios/{name}.py): *{citation.claim.title}*{status}{correction}"
        judged = _judged(citation, measurements)
        if judged:
            yield f"  - measured: {_measurements(judged)}"


def _judged(citation: Citation, measurements: Measurements) -> tuple[tuple[KernelOfRun, ClaimResult], ...]:
    return measurements.of(citation.scenario.name, citation.claim.name)


def _measurements(judged: Iterable[tuple[KernelOfRun, ClaimResult]]) -> str:
    """Format the measurements of a claim. Kernels with the same measurement are listed together."""
    by_text: dict[str, list[KernelOfRun]] = {}
    for kernel, result in judged:
        by_text.setdefault(_measurement(result), []).append(kernel)
    return "; ".join(f"{text} ({', '.join(map(str, kernels))})" for text, kernels in by_text.items())


def _measurement(claim: ClaimResult) -> str:
    parts = [f"{check.name}: {check.shown or '-'}" for check in claim.deciding]
    shown = _code("; ".join(parts))
    if claim.verdict == HOLDS:
        return shown
    reasons = [str(check.why) or f"expected {check.wanted}" for check in claim.deciding]
    return f"**{claim.verdict}** {shown} {_shortened('; '.join(reasons))}"


def _code(text: str) -> str:
    return f"`{_shortened(text).replace('`', chr(39))}`" if text else ""


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3].rstrip() + "..."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _link(number: str) -> str:
    return f"[{number}](#{number})"


def _links(entries: Iterable[LedgerEntry]) -> str:
    return ", ".join(_link(entry.statement.number) for entry in entries)
