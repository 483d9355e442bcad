"""Which scenario a saved run is of."""

from pathlib import Path

import pytest

from badwire.errors import UnknownScenario
from badwire.result.judge import INTERACTIVE, INTERACTIVE_FILE, scenario_of
from tests.run_folders import SCENARIO


def test_by_the_file_of_its_result_else_by_its_name(tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text(SCENARIO)
    run = tmp_path / "run"
    assert scenario_of(run, str(own), "mine").file == own
    assert scenario_of(run, "/nowhere/timewait.py", "timewait").name == "timewait"
    assert scenario_of(run, f"/{'long' * 2000}.py", "timewait").name == "timewait"
    assert scenario_of(run, INTERACTIVE_FILE, "up") is scenario_of(run, "", "up") is INTERACTIVE


@pytest.mark.parametrize("how", ["file", "name"])
def test_what_came_with_a_run_is_not_run(tmp_path: Path, how: str) -> None:
    evil = tmp_path / "evil.py"
    evil.write_text("raise SystemExit('it was run')")
    named = {"file": "", "name": "timewait", how: str(evil)}
    with pytest.raises(UnknownScenario, match="inside itself"):
        scenario_of(tmp_path, **named)
