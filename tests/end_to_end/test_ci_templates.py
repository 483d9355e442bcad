"""What users of GitHub and GitLab take from this project: the action, the template, and the workflow that tries it."""

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml

from badwire.pytest_plugin import require
from tests.command_line import ROOT
from tests.conftest import lack_of
from tests.end_to_end.test_docs import first_example
from tests.end_to_end.test_workflow import SUDO

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "example.yml").read_text())
TEMPLATE = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text())


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A user's repository, made by the steps of the workflow, and an environment in which sudo works."""
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    place = tmp_path / "work"
    place.mkdir()
    (place / "README.md").symlink_to(ROOT / "README.md")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sudo").write_text(SUDO)
    (tmp_path / "bin" / "sudo").chmod(0o755)
    for step in WORKFLOW["jobs"]["line"]["steps"]:
        if "run" in step:
            assert shell(place, step["run"]).returncode == 0
    return place


def shell(place: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step as the CI does: by bash, which ends at the first command that fails."""
    ours = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "BADWIRE_REQUIRE")}
    env = {**ours, "PATH": f"{place.parent / 'bin'}:{os.environ['PATH']}", **variables}
    argv = ["bash", "-e", "-o", "pipefail", "-c", command]
    return subprocess.run(argv, cwd=place, env=env, capture_output=True, text=True, timeout=240)


def inputs() -> dict[str, str]:
    """The inputs of the action: their defaults, and what the workflow gives."""
    defaults = {name: each["default"] for name, each in ACTION["inputs"].items()}
    (given,) = [step["with"] for step in WORKFLOW["jobs"]["line"]["steps"] if step.get("uses") == "./"]
    assert set(given) <= set(defaults)
    return {**defaults, **given}


def run_action(place: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run a step of the action with those inputs."""
    (step,) = [each for each in ACTION["runs"]["steps"] if each.get("name") == name]
    values = inputs()
    variables = {}
    for variable, expression in step.get("env", {}).items():
        matched = re.fullmatch(r"\$\{\{ inputs\.(\w+) \}\}", expression)
        assert matched is not None
        variables[variable] = values[matched[1]]
    summary = str(place / "summary.md")
    return shell(place, step["run"], GITHUB_ACTION_PATH=str(ROOT), GITHUB_STEP_SUMMARY=summary, **variables)


def test_the_action_is_one() -> None:
    assert set(ACTION) == {"name", "description", "inputs", "runs"} and ACTION["runs"]["using"] == "composite"
    for step in ACTION["runs"]["steps"]:
        assert ("uses" in step) != ("run" in step)
        assert ("run" in step) == ("shell" in step)
        assert "${{" not in step.get("run", "")  # an input is never a part of a script
    text = (ROOT / "action.yml").read_text()
    assert set(re.findall(r"inputs\.(\w+)", text)) == set(ACTION["inputs"])


def test_the_workflow_runs_the_readmes_example(repository: Path) -> None:
    assert (repository / "test_mine.py").read_text() == first_example("README.md")
    set_up = run_action(repository, "set up the lab")
    assert set_up.returncode == 0, set_up.stderr
    for name in ("tests", "scenarios"):
        done = run_action(repository, name)
        assert done.returncode == 0, done.stdout + done.stderr
    runs = repository / "lab-runs"
    (case,) = ElementTree.parse(runs / "tests.xml").iter("testcase")
    assert case.get("name") == "test_my_server_over_a_bad_line" and len(case) == 0
    assert (runs / "test_my_server_over_a_bad_line" / "latest" / "report.html").exists()
    suites = {suite.get("name") for suite in ElementTree.parse(runs / "scenarios.xml").iter("testsuite")}
    assert suites == {"handshake", "retransmit"}
    assert "badwire: 2 scenarios: 2 held" in (repository / "summary.md").read_text()


def test_a_server_that_is_wrong_fails_the_step(repository: Path) -> None:
    (repository / "my_server").write_text("#!/bin/sh\nexit 1\n")
    done = run_action(repository, "tests")
    assert done.returncode == 1 and "1 failed" in done.stdout


def gitlab(place: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script of the template's job, in the environment of these tests in place of the one that it installs."""
    job: dict[str, Any] = TEMPLATE[".badwire"]
    (place / ".badwire").symlink_to(ROOT / ".venv")
    values = {**job["variables"], **variables}
    values["BADWIRE_REQUIRE"] = values["SUBSTRATE"]
    return shell(place, "\n".join(job["script"]), **values)


def test_the_template_does_the_same(repository: Path) -> None:
    done = gitlab(repository, TESTS="test_mine.py", SCENARIOS="handshake")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {file.name for file in (repository / "lab-runs").glob("*.xml")} == {"tests.xml", "scenarios.xml"}


def test_scenarios_without_tests(repository: Path) -> None:
    done = gitlab(repository, SCENARIOS="handshake")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {file.name for file in (repository / "lab-runs").glob("*.xml")} == {"scenarios.xml"}


def test_the_template_fails_if_one_of_both_does(repository: Path) -> None:
    (repository / "my_server").write_text("#!/bin/sh\nexit 1\n")
    done = gitlab(repository, TESTS="test_mine.py", SCENARIOS="handshake")
    assert done.returncode == 1
    assert (repository / "lab-runs" / "scenarios.xml").exists()


def test_its_other_lines_are_shell() -> None:
    lines = TEMPLATE[".badwire"]["before_script"]
    subprocess.run(["sh", "-n", "-c", "\n".join(lines)], check=True)
