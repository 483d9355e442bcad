"""`make test`: every part runs to its end, and the last lines say what failed, and what was skipped and why."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import ROOT, environment

PASSES = "def test_well(): pass\n"
FAILS = "import pytest\ndef test_ill(): assert 1 + 1 == 3\ndef test_well(): pass\n"
SKIPS = "import pytest\n@pytest.mark.skip(reason='there is no moon')\n@pytest.mark.parametrize('n', [1, 2])\n"
SKIPS += "def test_moon(n): pass\n"
BROKEN = "import no_such_module\n"
TEARDOWN = (
    "import pytest\n@pytest.fixture\ndef f():\n    yield\n    raise OSError('left behind')\ndef test_it(f): pass\n"
)


def make_test(tmp_path: Path, **parts: str) -> "subprocess.CompletedProcess[str]":
    """The real Makefile, with a few tests of our own in place of each part's; a part without any ends at once."""
    for part, text in parts.items():
        (tmp_path / f"test_{part}.py").write_text(text)
    stand_in = tmp_path / "stand_in.py"
    stand_in.write_text(f"""
import os, sys
words = sys.argv[1:]
report = words[words.index("--junitxml") + 1]
part = os.path.basename(report).removesuffix(".xml").replace("-", "_")
file = f"{tmp_path}/test_{{part}}.py"
if not os.path.exists(file):
    os.abort()
options = ["--rootdir", "{tmp_path}", "-c", os.devnull, *words[words.index("--junitxml"):]]
os.execv(sys.executable, [sys.executable, "-m", "pytest", "-q", file, *options])
""")
    argv = ["make", "test", f"PYTEST={sys.executable} {stand_in}"]
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "REPORTS")  # of the make that may run these tests
    alone = {name: value for name, value in environment().items() if name not in outer}
    return subprocess.run(argv, cwd=ROOT, env=alone, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def every_part(text: str) -> dict[str, str]:
    names = ("test_unit", "test_claims", "test_real", "test_virtual", "scenarios_netns", "scenarios_docker")
    return dict.fromkeys(names, text)


def test_where_all_passes_the_last_line_says_so(tmp_path: Path) -> None:
    done = make_test(tmp_path, **every_part(PASSES))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "make test: 0 failed, 0 skipped, 6 passed"


def test_a_failure_in_one_part_does_not_hide_the_others(tmp_path: Path) -> None:
    parts = every_part(PASSES) | {"test_unit": FAILS, "test_claims": SKIPS, "test_real": TEARDOWN}
    parts |= {"test_virtual": BROKEN, "scenarios_netns": SKIPS}
    del parts["scenarios_docker"]
    done = make_test(tmp_path, **parts)
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert lines[-1] == "make test: 4 failed, 4 skipped, 1 passed"
    assert "SKIPPED    4  there is no moon" in lines
    failed = [line for line in lines if line.startswith("FAILED  ")]
    assert failed[0] == "FAILED  scenarios-docker ended without a report; its output is above"
    assert failed[1] == "FAILED  test-unit: test_test_unit.py::test_ill: assert (1 + 1) == 3"
    assert failed[2].startswith("FAILED  test-real: test_test_real.py::test_it: ")
    assert "left behind" in failed[2]
    assert failed[3].startswith("FAILED  test-virtual: ") and "test_test_virtual" in failed[3]
    assert len(failed) == 4


def test_a_part_without_a_test_is_a_failure(tmp_path: Path) -> None:
    done = make_test(tmp_path, **(every_part(PASSES) | {"test_real": "# nothing\n"}))
    assert done.returncode == 2
    assert "FAILED  test-real ran no test; its output is above" in done.stdout.splitlines()


@pytest.mark.parametrize("folder", ["nowhere"])
def test_by_itself_it_says_which_reports_are_missing(tmp_path: Path, folder: str) -> None:
    argv = [sys.executable, str(ROOT / "tools" / "test_summary.py"), str(tmp_path / folder), "test-unit"]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 1
    assert "FAILED  test-unit ended without a report" in done.stdout
