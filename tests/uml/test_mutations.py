"""Mutation testing of the instrument on real runs: those of the catalogue, which hold, and runs with faulty programs.

Without a part of its evidence a verdict may become UNKNOWN, and not the opposite. The tool has the rules, and does the
same with histories written by hand.
"""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from badwire.claims.check import FAILS
from badwire.claims.claim import judge
from badwire.evidence.evidence import Evidence
from badwire.scenario import scenario_file
from badwire.scenario.scenario_file import Scenario
from badwire.uml.cache import BuiltKernel
from tests.quick import no_leftovers as no_leftovers
from tests.uml.faulty_runs import SWAPPED, file_of, run_swapped
from tools.instrument_mutations import Violation, violations_of_run
from tools.value_mutations import unturned

DRAWS = 4  # of each rule for each run; judging them takes half a minute of processor time


@pytest.fixture(scope="module")
def swapped(kernel: BuiltKernel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swapped")
    run_swapped(folder)
    return folder


def tried(scenario: Scenario, run: Evidence) -> Iterator[Violation | None]:
    for number in range(DRAWS):
        yield from violations_of_run(scenario, run, random.Random(f"{number} {scenario.name}"))


def assert_none_is_wrong(found: Iterable[Violation | None]) -> None:
    outcomes = list(found)
    assert len(outcomes) > DRAWS  # something was taken away
    assert [str(violation) for violation in outcomes if violation is not None] == []


@pytest.mark.parametrize("name", scenario_file.names())
def test_a_run_that_holds(name: str, catalogue: Path) -> None:
    run = Evidence.load(catalogue / "once" / name / "latest")
    assert_none_is_wrong(tried(scenario_file.load(name), run))


@pytest.mark.parametrize("name", SWAPPED)
def test_a_run_with_a_faulty_program(name: str, swapped: Path) -> None:
    scenario = scenario_file.load(str(file_of(name, swapped)))
    run = Evidence.load(swapped / "runs" / name / "latest")
    assert FAILS in {each.verdict for each in judge(scenario.claims, run)}
    assert_none_is_wrong(tried(scenario, run))


@pytest.mark.parametrize("name", ["close", "fast_retransmit", "mistakes_in_reading", "states", "syn_timeout"])
def test_a_check_stops_holding_when_a_value_is_changed(name: str, catalogue: Path) -> None:
    """Scenarios with small runs; the tool does it for every check of every scenario, on histories written by hand."""
    run = Evidence.load(catalogue / "once" / name / "latest")
    count, left = unturned(scenario_file.load(name), run)
    assert count > 0
    assert left == set()
