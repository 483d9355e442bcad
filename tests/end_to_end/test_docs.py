"""What the documents say is true: their examples run, and every module has its paragraph."""

import re
from pathlib import Path

import pytest

from badwire.pytest_plugin import require
from tests.command_line import PATH, ROOT, lab
from tests.conftest import lack_of


@pytest.fixture
def namespaces() -> None:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})


def first_example(document: str) -> str:
    """The first Python listing of a document."""
    found = re.search(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.usefixtures("namespaces")
def test_the_smallest_scenario_holds(tmp_path: Path) -> None:
    file = tmp_path / "closed_port.py"
    file.write_text(first_example("docs/adding-a-scenario.md"))
    done = lab("run", file, "--substrate", "netns", "--out", tmp_path / "runs")
    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("namespaces")
def test_the_tests_in_the_document_about_tests_pass(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", PATH)
    pytester.makepyfile(first_example("docs/testing.md"))
    pytester.runpytest_subprocess("--lab-substrate", "netns").assert_outcomes(passed=2)


@pytest.mark.usefixtures("namespaces")
def test_the_readmes_test_passes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    own = ROOT / "images" / "host" / "programs" / "echo_serial.py"
    monkeypatch.setenv("PYTHONPATH", PATH)
    server = pytester.path / "my_server"
    server.write_text(f'#!/bin/sh\nexec {own} "$@"\n')
    server.chmod(0o755)
    pytester.makepyfile(first_example("README.md"))
    pytester.runpytest_subprocess("--lab-substrate", "netns").assert_outcomes(passed=1)
