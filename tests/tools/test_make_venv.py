"""The virtual environment that make sets up: made once, completely, by one make at a time.

A small project with no packages to fetch stands in for ours, so that this needs no network.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import ROOT, environment
from tools.make_venv import CannotInstall, Environment, ensure

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "tiny"
version = "1"
description = "nothing"
[tool.hatch.build.targets.wheel]
only-include = ["tiny.py"]
"""
BACKEND = ("hatchling", "editables", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers")


def pinned(name: str) -> str:
    """A package in our own lock file, with its version and its hashes."""
    lock = (ROOT / "requirements.lock").read_text()
    start = lock.index(f"\n{name}==") + 1
    return lock[start : lock.index("\n    # via", start) + 1]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose lock pins what an editable installation takes, and nothing else."""
    (tmp_path / "requirements.lock").write_text("".join(pinned(name) for name in BACKEND))
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "tiny.py").write_text('"""Nothing."""\n')
    return tmp_path


def make(project: Path) -> "subprocess.Popen[str]":
    """`tools.make_venv` for that project, as a process."""
    code = (
        f"import sys; from pathlib import Path; from tools import make_venv; make_venv.ROOT = Path({str(project)!r});"
    )
    argv = [sys.executable, "-c", f"{code} sys.exit(make_venv.main([]))"]
    return subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True)


def test_it_is_made_once_and_again_only_when_the_lock_changes(project: Path) -> None:
    ensure(project, dev=False)
    env = Environment(project, "requirements.lock")
    assert env.ready()
    assert subprocess.run([env.python, "-c", "import tiny"], cwd="/").returncode == 0
    mark = env.venv / "mark"
    mark.touch()
    ensure(project, dev=False)
    assert mark.exists()
    env.lock.write_text(env.lock.read_text() + "# changed\n")
    assert not env.ready()
    ensure(project, dev=False)
    assert env.ready() and not mark.exists()
    moved = project.rename(project.with_name(f"{project.name}-moved"))
    assert not Environment(moved, "requirements.lock").ready()


@pytest.mark.parametrize("package", ["no-such-package-anywhere==1", pinned("hatchling").split()[0]])
def test_a_package_that_is_missing_or_was_tampered_with(project: Path, package: str) -> None:
    env = Environment(project, "requirements.lock")
    env.lock.write_text(f"{package} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(CannotInstall, match=r"of requirements\.lock could not be installed; check the network"):
        ensure(project, dev=False)
    assert not env.ready()


def test_an_interrupted_one_is_made_afresh(project: Path) -> None:
    process = make(project)
    assert process.stderr is not None
    assert "setting up .venv" in process.stderr.readline()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    env = Environment(project, "requirements.lock")
    assert not env.ready()
    ensure(project, dev=False)
    assert env.ready()


def test_two_at_once_make_one(project: Path) -> None:
    both = [make(project), make(project)]
    said = "".join(process.communicate(timeout=120)[1] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert said.count("setting up .venv") == 1
    assert Environment(project, "requirements.lock").ready()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_one_sentence(project: Path) -> None:
    project.chmod(0o500)
    with pytest.raises(CannotInstall, match="cannot be made: Permission denied"):
        ensure(project, dev=False)


@pytest.mark.parametrize(
    ("python", "said"),
    [("no-such-python", "there is no no-such-python here"), ("./old-python", "Python 3.9.1 is too old")],
)
def test_make_without_a_python_that_will_do(tmp_path: Path, python: str, said: str) -> None:
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.1"\nexit 1\n')
    old.chmod(0o755)
    argv = ["make", "-f", str(ROOT / "Makefile"), f"PYTHON={python}", "list"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert said in done.stderr
    assert done.returncode == 2  # make's own
