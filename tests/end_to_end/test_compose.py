"""A compose file of the user's own: its services are the hosts, for a scenario, an interactive lab and a test."""

import json
from pathlib import Path

import pytest

from badwire.substrate.substrate import Substrate
from tests.command_line import lab, sentence

HOSTS = "services: {alpha: {}, beta: {environment: {GREETING: hello}}}\n"
SCENARIO = """
from badwire.claims import Checks, Man, claim, equals
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

@scenario("Alpha finds beta, which has its greeting")
def greeting(lab: Lab) -> None:
    lab.host("alpha").run("/usr/bin/getent", "hosts", "beta")
    lab.host("beta").run("/bin/sh", "-c", "echo $GREETING")

@claim("Both programs print what they should", Man("environ(7)"))
def printed(run: Evidence) -> Checks:
    yield equals("alpha prints the name", "beta" in run.host("alpha").program("getent").out, True)
    yield equals("beta prints", run.host("beta").program("sh").out, "hello\\n")
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(HOSTS)
    (tmp_path / "greeting.py").write_text(SCENARIO)
    return tmp_path


def test_a_scenario_with_hosts_of_its_own(substrate: Substrate, files: Path) -> None:
    done = lab("run", "greeting.py", "--compose", "mine.yaml", "--substrate", substrate.name, "--quiet", cwd=files)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = files / "runs" / "greeting" / "latest"
    meta = json.loads((folder / "evidence.jsonl").read_text().splitlines()[0])
    assert list(meta["hosts"]) == ["alpha", "beta"]


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_a_scenario_whose_hosts_are_not_in_the_file_does_not_start(files: Path, clock: str) -> None:
    options = ("--compose", "mine.yaml", "--substrate", "netns", "--clock", clock, "--quiet")
    done = lab("run", "handshake", *options, cwd=files)
    assert done.returncode == 2
    assert sentence(done) == ("handshake asks for the host 'server', which is not in mine.yaml: there are alpha, beta.")
    assert not (files / "runs").exists()


def test_a_scenario_declares_hosts_that_only_its_functions_ask_for(files: Path) -> None:
    """Where the source does not show which hosts there must be, ``hosts=`` says it."""
    text = SCENARIO.replace('lab.host("alpha").run', 'find(lab, "alpah").run') + (
        "\ndef find(lab: Lab, name: str):\n    return lab.host(name)\n"
    )
    declared = text.replace('which has its greeting"', 'which has its greeting", hosts={"alpah": 1}')
    (files / "greeting.py").write_text(declared)
    options = ("--compose", "mine.yaml", "--substrate", "netns", "--quiet")
    done = lab("run", "greeting.py", *options, cwd=files)
    assert done.returncode == 2 and "there is no host 'alpah'; there are alpha, beta" in sentence(done)
    assert not (files / "runs").exists()


def test_an_interactive_lab(files: Path) -> None:
    up = lab("up", "--compose", "mine.yaml", "--substrate", "netns", "--name", "composed", cwd=files)
    try:
        assert up.returncode == 0, up.stderr
        done = lab("run-on", "--name", "composed", "beta", "/bin/sh", "-c", "echo $GREETING", cwd=files)
        assert done.stdout == "hello\n"
    finally:
        lab("down", "--name", "composed", cwd=files)


def test_a_test_has_its_hosts_from_the_option(files: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_hosts(lab): assert list(lab.hosts) == ['alpha', 'beta']")
    done = pytester.runpytest_subprocess("--lab-compose", str(files / "mine.yaml"), "--lab-substrate", "netns")
    done.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("services: {a: {ports: [1]}, b: {volumes: [x]}}", ["mine.yaml", "2 settings", "service 'a'", "service 'b'"]),
        (None, ["there is no file mine.yaml"]),
    ],
)
@pytest.mark.parametrize("command", [["run", "handshake"], ["up"]])
def test_what_cannot_be_honoured_is_refused_before_anything_starts(
    tmp_path: Path, command: list[str], text: str | None, words: list[str]
) -> None:
    if text is not None:
        (tmp_path / "mine.yaml").write_text(text)
    done = lab(*command, "--compose", "mine.yaml", "--substrate", "netns", cwd=tmp_path)
    assert done.returncode == 2
    for word in words:
        assert word in sentence(done)
    assert not list(tmp_path.glob("runs/*/*/evidence.jsonl"))
