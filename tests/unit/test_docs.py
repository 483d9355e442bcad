"""What the documents say is so: their examples run, and every module has its paragraph."""

import re
from pathlib import Path

import pytest

from lab import require
from tests.conftest import lack_of
from tests.unit.cli import ROOT, lab


@pytest.fixture
def namespaces() -> None:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})


def first_example(document: str) -> str:
    """The first Python listing of a document."""
    found = re.search(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_every_module_has_its_paragraph() -> None:
    told = (ROOT / "docs" / "whats-here.md").read_text().replace("\\_", "_")
    faults = {file.name for file in (ROOT / "lab" / "faults").glob("*.py")}  # "one fault a file"
    modules = {file.name for file in (ROOT / "lab").rglob("*.py")} - faults - {"__init__.py"}
    assert [name for name in sorted(modules) if name not in told] == []


def test_every_module_with_a_paragraph_is_there() -> None:
    told = (ROOT / "docs" / "whats-here.md").read_text().replace("\\_", "_")
    there = {file.name for folder in ("lab", "scenarios", "tests") for file in (ROOT / folder).rglob("*.py")}
    assert sorted(set(re.findall(r"\w+\.py\b", told)) - there) == []


@pytest.mark.parametrize(("folder", "most"), [("lab", 200), ("scenarios", 80)])
def test_no_file_is_longer_than_it_may_be(folder: str, most: int) -> None:
    lengths = {file.name: len(file.read_text().splitlines()) for file in (ROOT / folder).rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > most} == {}


@pytest.mark.usefixtures("namespaces")
def test_the_smallest_scenario_holds(tmp_path: Path) -> None:
    file = tmp_path / "closed_port.py"
    file.write_text(first_example("docs/adding-a-scenario.md"))
    done = lab("run", file, "--substrate", "netns", "--out", tmp_path / "runs")
    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("namespaces")
def test_the_readmes_test_passes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    own = ROOT / "images" / "host" / "programs" / "echo_serial.py"
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    server = pytester.path / "my_server"
    server.write_text(f'#!/bin/sh\nexec {own} "$@"\n')
    server.chmod(0o755)
    pytester.makepyfile(first_example("README.md"))
    pytester.runpytest_subprocess("--lab-substrate", "netns").assert_outcomes(passed=1)
