"""Checks that statements and claims belong together: ``python tools/check_statements.py``.

Two lists are printed, and both should be empty:

- the statements of docs/textbook.md that no claim tests;
- the claims that neither test a statement nor have another source.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "lab"))

from badwire.course import textbook  # noqa: E402
from badwire.course.ledger import LedgerEntry, entries  # noqa: E402
from badwire.errors import LabError  # noqa: E402
from badwire.scenario import scenario_file  # noqa: E402
from badwire.scenario.scenario_file import Scenario  # noqa: E402


def statements_without_a_claim(ledger: Iterable[LedgerEntry]) -> list[str]:
    """The statements that no claim tests, each with its number."""
    found = []
    for entry in ledger:
        if not entry.citations:
            found.append(f"{entry.statement.number} {entry.statement.text}")
    return found


def claims_without_a_source(scenarios: Iterable[Scenario]) -> list[str]:
    """The claims without any source, each with the name of its scenario."""
    found = []
    for scenario in scenarios:
        for claim in scenario.claims:
            if not claim.sources:
                found.append(f"{scenario.name}: {claim.title}")
    return found


def main() -> int:
    """Print both lists. Returns the exit status: 1 if one of them is not empty, or a claim cites what is not there."""
    try:
        scenarios = [scenario_file.load(name) for name in scenario_file.names()]
        ledger = entries(textbook.read(), scenarios)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    untested = statements_without_a_claim(ledger)
    without_source = claims_without_a_source(scenarios)
    for statement in untested:
        print(f"no claim tests {statement}")
    for claim in without_source:
        print(f"no source is named for {claim}")
    print(f"{len(ledger)} statements, {len(untested)} of them without a claim")
    claims = sum(len(scenario.claims) for scenario in scenarios)
    print(f"{claims} claims, {len(without_source)} of them without a source")
    return 1 if untested or without_source else 0


if __name__ == "__main__":
    sys.exit(main())
