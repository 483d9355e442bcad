"""The command line in a process of its own: statuses, sentences, and what goes to stdout and what to stderr."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.claims.written import Written
from tests.command_line import LAB, environment, lab, result, sentence, story


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "Name a command: list, run, check, show, report, ledger, exercise, grade, doctor, clean"),
        (["lits"], "There is no command 'lits': did you mean list?"),
        (["xyzzy"], "There is no command 'xyzzy': the commands are list"),
        (["run"], "Name a scenario to run:"),
        (["run", "timewiat"], "did you mean timewait"),
        (["run", "handshke"], "did you mean handshake?"),
        (["shell"], "the following arguments are required: HOST;"),
        (["kernel", "build", "/nope"], "/nope cannot be read: No such file or directory; name a kernel's source tree"),
        (["kernel", "import", "nope"], "nope cannot be read (No such file or directory); name a file that"),
        (["run", "all", "timewait"], "`all` runs every scenario: give it alone"),
        (
            ["run", "compose.yaml"],
            "compose.yaml is a compose file, not a scenario: name a scenario, and add --compose compose.yaml.",
        ),
        (["run", "./compose.yaml"], "./compose.yaml is a compose file, not a scenario"),
        (["run", "./README.md"], "./README.md is not a scenario file, whose name ends with .py"),
        (
            ["fault", "set", "loss=1%", "--toward", "server", "delay=1ms"],
            "Write --toward, --from, --between or --of before the faults that are meant",
        ),
        (
            ["fault", "set", "--toward", "server", "loss=1%", "--toward", "client"],
            "Write --toward, --from, --between or --of before the faults",
        ),
        (["fault", "set", "--toward", "server"], "Name a fault, as in"),
        (["run", "timewait", "--subtrate", "netns"], "has no option --subtrate: did you mean --substrate?"),
        (["run", "timewait", "--sub", "netns"], "has no option --sub"),
        (["run", "timewait", "--substrate", "dokcer"], "'dokcer' is not known, did you mean docker"),
        (["run", "timewait", "--engine", "xyzzy"], "'xyzzy' is not one of auto, netem, relay"),
        (["run", "timewait", "--seed", "-1"], "--seed"),
        (["run", "timewait", "--seed", "1e3"], "'1e3' is not a whole number from 0 to 2^64 - 1"),
        (["run", "timewait", "--out", ""], "--out: it is empty; name a folder"),
        (["run", "timewait", "--out", "README.md"], "--out: README.md is not a directory; name a folder"),
        (["run", "timewait", "--out", "README.md/runs"], "--out: README.md is not a directory"),
        (["up", "--out", "README.md"], "--out: README.md is not a directory"),
        (["kernel", "run", "--out", "README.md", "--", "true"], "--out: README.md is not a directory"),
        (["ledger", "README.md"], "README.md is not a directory: name a folder with runs in it"),
        (["ledger", "no-such-folder"], "no-such-folder is not a directory"),
        (["report", "README.md"], "README.md is not a directory"),
        (["show", "README.md"], "README.md is not a directory"),
        (["run", "timewait", "--seed"], "--seed: expected one argument"),
        (["list", "--jsno"], "did you mean --json?"),
        (["check"], "Name a run's folder"),
        (["check", "no-such-run"], "no-such-run is not a directory"),
        (["check", "lab"], "lab has no evidence.jsonl"),
    ],
)
def test_a_wrong_request_is_one_sentence_and_status_2(argv: list[str], message: str) -> None:
    done = lab(*argv)
    assert message in sentence(done)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


@pytest.mark.parametrize(
    "argv",
    [["doctor"], ["run", "handshake"], ["run", "handshake", "--clock", "virtual"], ["up"], ["kernel", "run", "ls"]],
)
def test_a_current_directory_that_was_removed(tmp_path: Path, argv: list[str]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    command = ["sh", "-c", script, "sh", str(gone), *LAB, *argv]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120)
    assert sentence(done) == "The current directory was removed; cd to another."
    assert (done.returncode, done.stdout) == (2, "")


def test_list_needs_no_current_directory(tmp_path: Path) -> None:
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    command = ["sh", "-c", script, "sh", *LAB, "list"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "handshake  " in done.stdout


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["run", "--help"], ["doctor", "-h"]])
def test_help_is_a_result(argv: list[str]) -> None:
    done = lab(*argv)
    assert done.stdout.startswith("usage: badwire")
    assert (done.returncode, done.stderr) == (0, "")


def test_list_shows_every_scenario_with_its_title() -> None:
    lines = lab("list").stdout.splitlines()
    entries = json.loads(lab("list", "--json").stdout)
    assert [line.split()[0] for line in lines] == [entry["name"] for entry in entries]
    timewait = next(entry for entry in entries if entry["name"] == "timewait")
    assert timewait["claims"] and timewait["lesson"] and timewait["title"]


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*LAB, "list"], stdout=writer, stderr=subprocess.PIPE, text=True, env=environment())
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(tmp_path: Path, closed: str) -> None:
    command = f'exec "$@" {closed}'
    run = [*LAB, "run", str(story("good")), "--substrate", "netns", "--out", str(tmp_path)]
    done = subprocess.run(["/bin/sh", "-c", command, "sh", *run], capture_output=True, text=True, env=environment())
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert result(tmp_path / "good" / "latest")["verdict"] == "HOLDS"


def test_what_the_terminals_encoding_lacks_is_shown_by_its_code(tmp_path: Path) -> None:
    shutil.copy(story("good"), tmp_path / "güt.py")
    ascii_only = environment(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    done = lab("run", tmp_path / "güt.py", "--substrate", "netns", "--out", tmp_path / "runs", env=ascii_only)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("g\\udcc3\\udcbct: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = lab("run", story("good"), "--out", tmp_path / "runs")
    assert "cannot be written: Permission denied" in sentence(done)
    assert done.returncode == 4


@pytest.mark.parametrize("form", ["file", "file/runs", "link"])
def test_something_else_in_place_of_the_runs_folder(form: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    done = lab("run", story("good"), "--substrate", "netns", "--out", tmp_path / form)
    assert f"{tmp_path / Path(form).parts[0]} is not a directory" in sentence(done)
    assert done.returncode == 2


def test_a_file_in_place_of_the_default_runs_folder(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    done = lab("run", story("good"), "--substrate", "netns", cwd=tmp_path)
    assert sentence(done) == "Runs cannot be kept in runs: runs is not a directory; name another with --out."
    assert done.returncode == 2


def test_a_place_where_no_folder_can_be() -> None:
    done = lab("run", story("good"), "--substrate", "netns", "--out", "/proc/runs")
    assert "The run's folder /proc/runs cannot be written" in sentence(done)
    assert done.returncode == 4


def test_doctor_says_what_was_tried_and_what_to_do() -> None:
    done = lab("doctor", "--json")
    report = json.loads(done.stdout)
    found = {one["name"]: one for one in report["capabilities"]}
    assert set(found) == {"python", "netns", "docker", "attach", "netem", "relay", "programs", "virtual", "disk"}
    assert found["python"]["works"]
    assert found["virtual"]["works"] or "make kernel" in found["virtual"]["says"]
    assert all(one["says"] for one in found.values())
    assert all(one["fallback"] for one in found.values() if not one["works"])
    assert done.returncode == (0 if report["usable"] else 4)


def test_clean_says_what_it_removed() -> None:
    done = lab("clean")
    assert done.returncode == 0
    assert done.stdout == "nothing to remove\n" or done.stdout.startswith("removed ")


def test_the_installed_program_is_the_same() -> None:
    program = Path(sys.executable).with_name("badwire")
    if not program.exists():
        pytest.skip("the project is not installed here, only on the path: make venv installs it")
    assert subprocess.run([program, "--help"], capture_output=True, text=True).stdout == lab("--help").stdout


def test_show_names_what_passed_loopback_and_is_not_captured(tmp_path: Path) -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S")
    for t, packets in ((0, 0), (1, 2)):
        w.record("counters", t, host="client", counters={"Lo.RxPackets": packets})
    w.evidence(tmp_path)
    shown = lab("show", tmp_path)
    assert shown.returncode == 0
    assert shown.stderr == (
        f"badwire: {tmp_path}: there was more than is shown:"
        " 2 packets on the loopback interface of client, which is not captured\n"
    )
