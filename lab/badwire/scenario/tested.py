"""Tests with the `lab` fixture as a scenario: what they did is not a scenario's, and the claim is that each passed.

pytest's outcomes are records in the evidence (see ``Lab.record_test``), so that a run can be judged again without
pytest.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from badwire.claims.check import Checks, equals, unknown
from badwire.claims.claim import claim
from badwire.claims.sources import Instrument
from badwire.evidence.evidence import Evidence
from badwire.scenario.scenario_file import Declaration, Scenario
from badwire.testbed.lab import TEST
from badwire.util.sentence import Sentence

PASSED = "passed"
FAILED = "failed"
FILE = "pytest"
"""What a result has in place of a scenario's file."""
_PREFIX = "pytest "
_LESSON = "A lab of pytest's fixture. What the tests did, and what the hosts and the wire did, is shown below."


@claim("Each test passed", Instrument("the outcome that pytest reported, as the evidence has it"))
def each_test_passed(run: Evidence) -> Checks:
    """A test that was skipped, or whose end was not recorded, has neither passed nor failed."""
    tests = [record for record in run.records if record["kind"] == TEST]
    if not tests:
        yield unknown("a test", Sentence("no outcome of a test was recorded"))
    for test in tests:
        yield _outcome(test)


def _outcome(test: Mapping[str, Any]) -> Any:
    name, outcome = str(test.get("name")), test.get("outcome")
    if outcome not in (PASSED, FAILED):
        return unknown(name, Sentence("it was not judged: {why}", {"why": str(test.get("why"))}))
    check = equals(name, outcome, PASSED)
    return replace(check, why=Sentence.of(str(test.get("why") or "")))


def name_of(node: str) -> str:
    """The name of the scenario, in a run's evidence and result, of the tests of this node of pytest's."""
    return _PREFIX + node


def is_of_tests(file: str, name: str) -> bool:
    """Whether a saved run is one of tests, by the file in its result (empty without one) and its scenario's name."""
    return file == FILE or (not file and name.startswith(_PREFIX))


def tested(name: str) -> Scenario:
    """The scenario of this name, which ``name_of`` made."""
    node = name.removeprefix(_PREFIX)
    nothing = Declaration(run=lambda lab: None, title=f"The lab of {node}")
    return Scenario(name=name, file=Path(FILE), lesson=_LESSON, declared=nothing, claims=(each_test_passed,))
