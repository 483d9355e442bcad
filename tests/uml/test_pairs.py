"""Faults between two of three hosts, and faults that end by themselves, on the virtual clock."""

from pathlib import Path

from badwire.uml.cache import BuiltKernel
from tests.command_line import lab, story


def test_faults_end_exactly_when_they_should(kernel: BuiltKernel, tmp_path: Path) -> None:
    done = lab("run", story("pairs"), "--clock", "virtual", "--substrate", "netns", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "partition from=server for=500ms" in lab("show", tmp_path / "runs" / "pairs" / "latest").stdout
