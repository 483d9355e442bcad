"""A path that hosts cannot be given ends a command before anything starts, on every substrate and clock."""

import os
from pathlib import Path

import pytest

from tests.command_line import STORIES, lab, sentence


@pytest.mark.parametrize("where", [("--substrate", "netns"), ("--substrate", "docker"), ("--clock", "virtual")])
def test_a_scenario_that_names_what_is_not_there_never_starts(tmp_path: Path, where: tuple[str, str]) -> None:
    file = tmp_path / "mistyped.py"
    story = (STORIES / "good.py").read_text()
    file.write_text(story.replace("@scenario(", "@scenario(mounts=['./my_servr'], title="))
    done = lab("run", file, *where, "--out", tmp_path / "runs", cwd=tmp_path)
    assert done.returncode == 2
    assert sentence(done).startswith(f"mistyped.py: mounts= names ./my_servr ({tmp_path}/my_servr), which does not")
    assert os.listdir(tmp_path) == ["mistyped.py"]


@pytest.mark.parametrize("substrate", ["netns", "docker"])
def test_nor_does_a_lab_that_is_kept_up(tmp_path: Path, substrate: str) -> None:
    done = lab("up", "--mount", "./my_servr", "--substrate", substrate, "--out", tmp_path / "runs", cwd=tmp_path)
    assert done.returncode == 2
    assert sentence(done).startswith(f"--mount names ./my_servr ({tmp_path}/my_servr), which does not exist")
    assert os.listdir(tmp_path) == []
