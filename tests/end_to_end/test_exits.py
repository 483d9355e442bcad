"""A scenario's file, its function or a claim that ends the process: the status is never that of a verdict."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from badwire.pytest_plugin import require
from tests.command_line import PATH, lab, story
from tests.conftest import lack_of

EXITS = {
    "system_exit": "raise SystemExit(0)",
    "sys_exit": "import sys; sys.exit()",
    "exit_now": "import os; os._exit(0)",
    "keyboard": "raise KeyboardInterrupt",
    "generator": "raise GeneratorExit",
    "skipped": "import pytest; pytest.skip('not today')",
    "group": "raise BaseExceptionGroup('several', [SystemExit(0)])",
}
SHOWN = {
    "system_exit": "SystemExit: 0",
    "sys_exit": "SystemExit",
    "exit_now": "SystemExit: 0",
    "keyboard": "KeyboardInterrupt",
    "generator": "GeneratorExit",
    "skipped": "Skipped: not today",
    "group": "BaseExceptionGroup: several (1 sub-exception)",
}
FILE = """
from badwire.claims import RFC, claim, equals
from badwire.scenario import scenario
{at_import}

@scenario("It exits")
def exits(lab):
    lab.note("the scenario begins")
    {in_scenario}

@claim("It is judged", RFC("9293", "3.5"))
def is_judged(run):
    yield equals("one", 1, 1)
    {in_claim}

@claim("This one is sound", RFC("9293", "3.5"))
def is_sound(run):
    yield equals("two", 2, 2)
"""
LINE = {"at_import": 4, "in_scenario": 9, "in_claim": 14}


@pytest.fixture(autouse=True)
def namespaces() -> None:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})


def write(folder: Path, place: str) -> list[Path]:
    """A file for each way to exit, at this place."""
    files = []
    for name, statement in EXITS.items():
        code = {each: "pass" for each in LINE}
        code[place] = statement
        file = folder / f"{name}.py"
        file.write_text(FILE.format(**code))
        files.append(file)
    return files


def test_in_a_scenario(tmp_path: Path) -> None:
    files = write(tmp_path, "in_scenario")
    done = lab("run", *files, story("good"), "--substrate", "netns", "--json", "--out", tmp_path / "runs")
    assert done.returncode == 3
    *exited, good = [json.loads(line) for line in done.stdout.splitlines()]
    assert good["verdict"] == "HOLDS"
    assert [each["scenario"] for each in exited] == list(EXITS)
    for each in exited:
        name = each["scenario"]
        assert (each["verdict"], each["status"]) == ("UNKNOWN", 3)
        assert f"failed in {name}.py, line {LINE['in_scenario']}: {SHOWN[name]}; the traceback" in each["error"]
        again = lab("check", each["folder"]) if name == "system_exit" else None
        assert again is None or (again.returncode == 3 and "SystemExit: 0" in again.stdout + again.stderr)


def test_in_a_claim(tmp_path: Path) -> None:
    files = write(tmp_path, "in_claim")
    done = lab("run", *files, "--substrate", "netns", "--json", "--out", tmp_path / "runs")
    assert done.returncode == 3
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["scenario"] for each in results] == list(EXITS)
    for each in results:
        name = each["scenario"]
        judged, sound, *_ = each["claims"]
        one, itself = judged["checks"]
        assert (each["verdict"], judged["verdict"], one["verdict"]) == ("UNKNOWN", "UNKNOWN", "HOLDS")
        assert itself["why"]["text"] == f"it raised {SHOWN[name]} ({name}.py, line {LINE['in_claim']})"
        assert sound["verdict"] == "HOLDS"


def test_at_import_the_others_still_run(tmp_path: Path) -> None:
    files = write(tmp_path, "at_import")
    report = tmp_path / "junit.xml"
    out = tmp_path / "runs"
    done = lab("run", *files, story("good"), "--substrate", "netns", "--out", out, "--quiet", "--junit", report)
    assert done.returncode == 2
    for name in EXITS:
        file = tmp_path / f"{name}.py"
        said = f"badwire: {file} cannot be loaded: line {LINE['at_import']}: {SHOWN[name]}; fix it there."
        assert said in done.stderr.splitlines()
    assert "HOLDS: " in done.stdout
    suites = {each.get("name"): each for each in ElementTree.parse(report).iter("testsuite")}
    assert set(suites) == {*EXITS, "good"}
    assert [suites[name].get("errors") for name in EXITS] == ["1"] * len(EXITS)


def test_a_mistake_in_what_a_scenario_asks_for_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "asks.py").write_text(
        FILE.format(at_import="", in_scenario="pass", in_claim="pass").replace(
            '@scenario("It exits")', '@scenario("It exits", sysctls={"sever": {"net.ipv4.tcp_sack": "0"}})'
        )
    )
    done = lab("run", tmp_path / "asks.py", story("good"), "--substrate", "netns", "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert "sysctls are given for 'sever', which is not a host" in done.stderr
    assert "HOLDS: " in done.stdout


def test_as_tests_they_fail(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BADWIRE_REQUIRE", raising=False)
    monkeypatch.setenv("PYTHONPATH", PATH)
    for place in ("at_import", "in_scenario", "in_claim"):
        folder = pytester.path / place / "scenarios"
        folder.mkdir(parents=True)
        write(folder, place)
    done = pytester.runpytest_subprocess(
        "--lab-substrate", "netns", "-p", "no:cacheprovider", "-k", "judged or at_import"
    )
    number = len(EXITS)
    done.assert_outcomes(errors=number)
    done.stdout.fnmatch_lines(["*keyboard.py cannot be loaded: line 4: KeyboardInterrupt; fix it there."])
    rest = ("--lab-substrate", "netns", "-p", "no:cacheprovider", "-k", "judged")
    done = pytester.runpytest_subprocess("in_scenario", "in_claim", *rest)
    done.assert_outcomes(failed=2 * number)
