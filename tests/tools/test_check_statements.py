"""The lists of statements without a claim and of claims without a source."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from badwire.claims import RFC, Claim, Text
from badwire.course.ledger import entries
from badwire.course.textbook import Statement, Textbook
from badwire.scenario.scenario_file import Declaration, Scenario
from tests.command_line import ROOT

TOOL = ROOT / "tools" / "check_statements.py"
spec = importlib.util.spec_from_file_location("check_statements", TOOL)
assert spec is not None
assert spec.loader is not None
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

BOOK = Textbook((Statement("T1", "one", "First"), Statement("T2", "two", "First")), ())


def scenario(*claims: Claim) -> Scenario:
    return Scenario("some", Path("some.py"), "", Declaration(lambda lab: None, "some"), claims)


def claim(title: str, *sources: Text | RFC) -> Claim:
    return Claim(title, title.replace(" ", "_"), "", sources, lambda run: iter(()))


def test_a_statement_that_no_claim_tests_is_listed() -> None:
    ledger = entries(BOOK, [scenario(claim("it holds", Text("T1")))])
    assert tool.statements_without_a_claim(ledger) == ["T2 two"]


def test_a_claim_with_neither_statement_nor_other_source_is_listed() -> None:
    claims = (claim("of a statement", Text("T1")), claim("of an RFC", RFC("1")), claim("of nothing"))
    assert tool.claims_without_a_source([scenario(*claims)]) == ["some: of nothing"]


def test_both_lists_of_the_project_are_empty() -> None:
    done = subprocess.run([sys.executable, TOOL], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "statements, 0 of them without a claim" in done.stdout
    assert "claims, 0 of them without a source" in done.stdout
