"""The ledger: for every statement of the course texts, the claims that test it, and whether it holds.

The ledger as a document: what holds and what does not, each with its claims and with what the last runs measured.

Everything that comes from runs stands on lines of its own, so that it can be told whether the rest is up to date.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from badwire.claims.check import HOLDS
from badwire.claims.claim import Claim
from badwire.claims.sources import Text
from badwire.course.measured import NOTHING, Kernel, Measured
from badwire.course.textbook import Saying, Statement, Textbook
from badwire.errors import RequestError
from badwire.result.result import ClaimResult
from badwire.scenario.scenario_file import Scenario


class Stand(StrEnum):
    """What claims make of a statement; the worst first, which is what stands for several."""

    NOT = "does not hold"
    DEPENDS = "depends"
    HOLDS = "holds"
    UNTESTED = "is not tested"


@dataclass(frozen=True)
class Citation:
    """A claim that refers to a statement; ``instead`` is what is so in its place, or on what it depends."""

    scenario: Scenario
    claim: Claim
    stand: Stand
    instead: str = ""

    @classmethod
    def of(cls, scenario: Scenario, claim: Claim, text: Text) -> "Citation":
        if text.no:
            return cls(scenario, claim, Stand.NOT, text.no)
        return cls(scenario, claim, Stand.DEPENDS, text.depends) if text.depends else cls(scenario, claim, Stand.HOLDS)


@dataclass(frozen=True)
class Entry:
    """A statement with every claim that refers to it, in the order of scenarios and of claims."""

    statement: Statement
    citations: tuple[Citation, ...]

    @property
    def stand(self) -> Stand:
        """A statement of which one claim shows that it does not hold does not, whatever else of it does."""
        stands = {each.stand for each in self.citations}
        return next((stand for stand in Stand if stand in stands), Stand.UNTESTED)

    @property
    def instead(self) -> tuple[str, ...]:
        """What makes its stand what it is, each once."""
        return tuple(
            dict.fromkeys(each.instead for each in self.citations if each.stand is self.stand and each.instead)
        )


def entries(book: Textbook, scenarios: Iterable[Scenario]) -> tuple[Entry, ...]:
    """The whole ledger, in the order of the book.

    Raises:
        RequestError: a claim refers to a statement that there is not.
    """
    cited: dict[str, list[Citation]] = {number: [] for number in book.numbers}
    for scenario in scenarios:
        for claim in scenario.claims:
            for source in claim.sources:
                if not isinstance(source, Text):
                    continue
                if source.statement not in cited:
                    where = f"{scenario.name}: the claim {claim.name}"
                    raise RequestError(f"{where} refers to {source.statement}, which docs/textbook.md does not have.")
                cited[source.statement].append(Citation.of(scenario, claim, source))
    return tuple(Entry(statement, tuple(cited[statement.number])) for statement in book.statements)


LONGEST = 100  # characters of a measurement that are shown
_FROM_RUNS = re.compile(r"^ *- measured\b.*\n", re.MULTILINE)
INTRODUCTION = """# The ledger

What five course texts say about sockets on Linux, and what Linux says. Each statement stands with the claims that test
it; `make lab SCENARIO=timewait` runs a scenario and shows all of its claims. Made by `make ledger` from the claims and
from the last run of each scenario on each kernel; the statements are those of [textbook.md](textbook.md).
"""


def render(ledger: Sequence[Entry], sayings: Sequence[Saying] = (), found: Measured = NOTHING) -> str:
    """The document, in Markdown."""
    stands = {entry.statement.number: entry for entry in ledger}
    parts = [
        INTRODUCTION,
        "\n".join(_summary(ledger)),
        "\n".join(_runs(ledger, found)),
        "\n".join(_hearsay(sayings, stands)),
        "\n".join(_corrections(ledger)),
    ]
    for chapter, group in groupby(ledger, key=lambda entry: entry.statement.chapter):
        parts += [f"## {chapter}", *("\n".join(_section(entry, found)) for entry in group)]
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def without_measurements(document: str) -> str:
    """The part of a ledger that needs no run: what the claims alone say."""
    return re.sub(r"\n{3,}", "\n\n", _FROM_RUNS.sub("", document))


def _summary(ledger: Sequence[Entry]) -> Iterator[str]:
    statements = [entry for entry in ledger if not entry.statement.about_a_program]
    programs = [entry for entry in ledger if entry.statement.about_a_program]
    yield f"| of {len(statements)} statements | |"
    yield "|---|---|"
    for stand in (Stand.HOLDS, Stand.DEPENDS, Stand.NOT):
        yield f"| {sum(entry.stand is stand for entry in statements)} | {_plural(stand)} |"
    if untested := [entry for entry in statements if entry.stand is Stand.UNTESTED]:
        yield f"| {len(untested)} | no claim tests: {_links(untested)} |"
    if programs:
        run = [entry for entry in programs if entry.citations]
        missing = [entry for entry in programs if not entry.citations]
        rest = f"; no claim is about {_links(missing)}" if missing else ""
        yield f"| {len(run)} of {len(programs)} | programs that the texts build are run{rest} |"


def _plural(stand: Stand) -> str:
    return {Stand.HOLDS: "hold", Stand.DEPENDS: "depend", Stand.NOT: "do not hold"}.get(stand, str(stand))


def _runs(ledger: Sequence[Entry], found: Measured) -> Iterator[str]:
    for kernel in found.kernels:
        count = found.scenarios(kernel)
        many = f"{count} scenario{'s' * (count != 1)}"
        yield f"- measured on {kernel}, HZ {kernel.hz}, by the {kernel.clock} clock: {many}"
    for entry in ledger:
        for citation in entry.citations:
            for kernel, finding in _of(citation, found):
                if finding.verdict != HOLDS:
                    link = _link(entry.statement.number)
                    yield f"- measured otherwise, or not at all: {link} in {citation.scenario.name} on {kernel}"


def _hearsay(sayings: Iterable[Saying], stands: dict[str, Entry]) -> Iterator[str]:
    known = [saying for saying in sayings if saying.number in stands]
    if known:
        yield from ("## As it is often heard", "", "| they say | | what is so |", "|---|---|---|")
    for saying in known:
        entry = stands[saying.number]
        contrary = saying.against and entry.stand in (Stand.HOLDS, Stand.DEPENDS)
        so = entry.statement.text if contrary else "; ".join(entry.instead) or entry.statement.text
        stand = Stand.NOT if contrary else entry.stand
        yield f"| {saying.text} | {stand} | {_cell(so)} ({_link(saying.number)}) |"


def _corrections(ledger: Iterable[Entry]) -> Iterator[str]:
    wrong = [entry for entry in ledger if entry.stand in (Stand.NOT, Stand.DEPENDS)]
    if wrong:
        yield from ("## What does not hold, or depends", "", "| | the texts | |", "|---|---|---|")
    for entry in sorted(wrong, key=lambda entry: list(Stand).index(entry.stand)):
        what = f"{entry.stand}: {'; '.join(entry.instead)}"
        yield f"| {_link(entry.statement.number)} | {_cell(entry.statement.text)} | {_cell(what)} |"


def _section(entry: Entry, found: Measured) -> Iterator[str]:
    number = entry.statement.number
    stand = f" {entry.stand}" if not entry.statement.about_a_program or not entry.citations else ""
    yield f'### <a id="{number}"></a>{number}{stand}'
    yield ""
    yield f"> {entry.statement.text}"
    yield ""
    for citation in entry.citations:
        name = citation.scenario.name
        mark = "" if citation.stand is entry.stand else f" ({citation.stand})"
        told = f": {citation.instead}" if citation.instead else ""
        yield f"- [{name}](../scenarios/{name}.py): *{citation.claim.title}*{mark}{told}"
        if findings := _of(citation, found):
            yield f"  - measured: {_measurements(findings)}"


def _of(citation: Citation, found: Measured) -> tuple[tuple[Kernel, ClaimResult], ...]:
    return found.findings(citation.scenario.name, citation.claim.name)


def _measurements(findings: Iterable[tuple[Kernel, ClaimResult]]) -> str:
    """What each kernel gave; kernels that gave the same stand together."""
    by_text: dict[str, list[Kernel]] = {}
    for kernel, finding in findings:
        by_text.setdefault(_measurement(finding), []).append(kernel)
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


def _links(entries: Iterable[Entry]) -> str:
    return ", ".join(_link(entry.statement.number) for entry in entries)
