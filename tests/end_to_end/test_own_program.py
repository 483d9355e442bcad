"""A scenario with a program of its author's, through the real command."""

from pathlib import Path

from badwire.substrate.substrate import Substrate
from tests.end_to_end.running import Running


def test_a_scenario_brings_its_own_program(substrate: Substrate, tmp_path: Path) -> None:
    with Running("own", substrate.name, tmp_path) as run:
        status, out, err = run.end()
        assert status == 0, err
        assert "HOLDS    It shouts" in out
