"""Which scenario a saved run is of, and the environment of a result."""

from pathlib import Path

import pytest

from badwire.errors import UnknownScenario
from badwire.report.describe import faults_by
from badwire.result.judge import INTERACTIVE, INTERACTIVE_FILE, environment, scenario_of
from tests.claims.written import Written
from tests.run_folders import SCENARIO


def test_by_the_file_of_its_result_else_by_its_name(tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text(SCENARIO)
    run = tmp_path / "run"
    assert scenario_of(run, str(own), "mine").file == own
    assert scenario_of(run, "scenarios/retransmit.py", "timewait").name == "retransmit"
    assert scenario_of(run, "/nowhere/timewait.py", "timewait").name == "timewait"
    assert scenario_of(run, f"/{'long' * 2000}.py", "timewait").name == "timewait"
    assert scenario_of(run, INTERACTIVE_FILE, "up") is scenario_of(run, "", "up") is INTERACTIVE


@pytest.mark.parametrize(
    ("clock", "seeded", "shown"),
    [("real", True, "netem"), ("real", False, "netem (not seeded)"), ("virtual", False, "netem")],
)
def test_a_result_says_that_netem_was_not_seeded(clock: str, seeded: bool, shown: str) -> None:
    w = Written()
    w.records[0]["clock"] = clock
    faults = [{"name": "loss", "probability": 0.5}]
    w.record("fault", 1, toward="server", engine="netem", seeded=seeded, faults=faults)
    assert faults_by(environment(w.evidence())) == shown


@pytest.mark.parametrize("how", ["file", "name"])
def test_what_came_with_a_run_is_not_run(tmp_path: Path, how: str) -> None:
    evil = tmp_path / "evil.py"
    evil.write_text("raise SystemExit('it was run')")
    named = {"file": "", "name": "timewait", how: str(evil)}
    with pytest.raises(UnknownScenario, match="inside itself"):
        scenario_of(tmp_path, **named)
