"""The ledger: for every statement of the course texts, the claims that test it, and whether it holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lab.claims import Claim, Text
from lab.errors import RequestError
from lab.scenario import Scenario
from lab.textbook import Statement, Textbook


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
