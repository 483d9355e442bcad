"""Runs from beginning to end, each in a process of its own, on namespaces: what is in the run's folder afterwards.

A run that ends early, for whatever reason, keeps its evidence and says in one sentence why.
"""

import json
import os
import select
import signal
import subprocess
from pathlib import Path

import pytest

from badwire.errors import BadOption
from badwire.pytest_plugin import require
from badwire.store import run_folder
from tests.command_line import LAB, environment, lab, result, sentence, story
from tests.conftest import lack_of
from tests.pace import HANG


@pytest.fixture(autouse=True)
def namespaces() -> None:
    """Labs are on netns here."""
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the runs go."""
    return tmp_path / "runs"


def test_a_run_leaves_a_folder_with_everything_in_it(out: Path) -> None:
    done = lab("run", story("mixed"), "--substrate", "netns", "--seed", "7", "--out", out)
    folder = Path(done.stdout.splitlines()[-1])
    captures = {"frames.pcapng", "capture.pcapng", "capture-server.pcapng", "capture-client.pcapng"}
    left = {"evidence.jsonl", "result.json", "report.html", "run.json", "programs", *captures}
    assert {file.name for file in folder.iterdir()} == left
    assert (out / "mixed" / "latest").resolve() == folder.resolve()

    found = result(folder)
    assert (found["scenario"], found["verdict"], found["status"], found["error"]) == ("mixed", "FAILS", 1, None)
    held = {one["name"]: one["verdict"] for one in found["claims"] if not one["instrument"]}
    assert held == {"syn_sent": "HOLDS", "one_segment_is_enough": "FAILS", "a_datagram_was_sent": "UNKNOWN"}
    failed = next(one for one in found["claims"] if one["verdict"] == "FAILS")
    (check,) = failed["checks"]
    assert (check["verdict"], check["measured"], check["unit"]) == ("FAILS", 2, "segments")
    assert failed["sources"] == ["RFC 9293 section 3.10.7.1"]

    where = found["environment"]
    assert (where["substrate"], where["clock"], where["seed"]) == ("netns", "real", 7)
    assert where["kernel"] == os.uname().release
    assert where["hz"] in (100, 250, 300, 1000)
    assert where["engines_used"] in (["relay"], ["netem"])
    assert where["sysctls"]["server"]["net.ipv4.tcp_sack"] == "0"


def test_results_go_to_stdout_and_progress_to_stderr(out: Path) -> None:
    done = lab("run", story("mixed"), "--substrate", "netns", "--out", out)
    assert done.returncode == 1
    assert (
        "FAILS    One segment is enough\n         FAILS   segments sent  2 segments  expected 1 segment\n"
        in done.stdout
    )
    assert "FAILS: 1 of 3 held, 1 of 3 failed, 1 of 3 unknown (netns, Linux " in done.stdout
    assert "substrate netns: as requested" in done.stderr
    assert "HOLDS" not in done.stderr


def test_quiet_says_nothing_but_the_result(out: Path) -> None:
    done = lab("run", story("good"), "--substrate", "netns", "--quiet", "--out", out)
    assert (done.returncode, done.stderr) == (0, "")


def test_json_is_one_line_for_each_run(out: Path) -> None:
    done = lab("run", story("good"), "--json", story("mixed"), "--substrate", "netns", "--out", out)
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(run["scenario"], run["status"]) for run in runs] == [("good", 0), ("mixed", 1)]
    assert all(result(Path(run["folder"])) == {k: v for k, v in run.items() if k != "folder"} for run in runs)
    assert done.returncode == 1  # the worst


def test_saved_evidence_can_be_judged_again(out: Path) -> None:
    lab("run", story("mixed"), "--substrate", "netns", "--out", out)
    latest = out / "mixed" / "latest"
    saved = (latest / "result.json").read_bytes()
    again = lab("check", latest, "--json")
    assert json.loads(again.stdout)["claims"] == json.loads(saved)["claims"]
    assert (again.returncode, (latest / "result.json").read_bytes()) == (1, saved)


def test_a_slip_in_a_scenario_is_one_sentence_and_a_traceback_in_the_folder(out: Path) -> None:
    done = lab("run", story("slip"), "--substrate", "netns", "--out", out)
    folder = out / "slip" / "latest"
    assert sentence(done).startswith("slip failed in slip.py, line 12: KeyError: 'server'; the traceback is in ")
    assert done.returncode == 3
    assert 'hosts["server"]' in (folder / "traceback.txt").read_text()
    found = result(folder)
    assert {one["verdict"] for one in found["claims"]} == {"UNKNOWN"}
    assert "KeyError" in json.dumps(found["error"]) and "KeyError" in json.dumps(found["claims"][0]["checks"])


def test_one_that_breaks_off_does_not_stop_the_next(out: Path) -> None:
    done = lab("run", story("slip"), story("good"), "--substrate", "netns", "--out", out)
    assert done.returncode == 3
    assert (out / "good" / "latest" / "result.json").exists()


def test_netem_where_there_is_none_is_the_machines_fault(out: Path) -> None:
    done = lab("run", story("mixed"), "--substrate", "netns", "--engine", "netem", "--out", out)
    if done.returncode == 1:
        pytest.skip("this kernel has netem, so it cannot be missed here")
    assert "netem" in sentence(done)
    assert done.returncode == 4
    assert result(out / "mixed" / "latest")["status"] == 4


def started(*args: object) -> "subprocess.Popen[str]":
    """A run of the endless scenario that has begun to wait."""
    argv = [*LAB, "run", str(story("endless")), "--substrate", "netns", *map(str, args)]
    process = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.endswith("running\n"):
            return process
    raise AssertionError(f"it never ran: {process.communicate()}")


@pytest.mark.parametrize(
    ("number", "word", "status"),
    [
        (signal.SIGINT, "interrupted", 130),
        (signal.SIGTERM, "ended by SIGTERM", 143),
        (signal.SIGHUP, "ended by SIGHUP", 129),
    ],
)
def test_a_signal_undoes_everything_and_keeps_the_evidence(
    out: Path, number: signal.Signals, word: str, status: int
) -> None:
    process = started("--out", out)
    process.send_signal(number)
    _, err = process.communicate(timeout=HANG)
    latest = out / "endless" / "latest"
    kept = f"everything is undone, and the evidence so far is in {latest.resolve()}."
    assert err.splitlines()[-1] == f"badwire: {word}; {kept}"
    assert process.returncode == status
    assert {one["verdict"] for one in result(latest)["claims"]} == {"UNKNOWN"}
    again = lab("check", latest)
    assert again.returncode == 3


def test_a_killed_run_leaves_nothing_but_its_evidence(out: Path) -> None:
    process = started("--out", out)
    process.kill()
    process.communicate(timeout=HANG)
    (folder,) = (out / "endless").iterdir()
    assert (folder / "evidence.jsonl").stat().st_size > 0
    done = lab("check", folder)
    assert done.returncode in (2, 3)  # 2 where the file of the evidence was cut before its first line
    # and the watch for leftovers looks whether processes, namespaces or interfaces are left after two seconds


def full_disk(out: Path, room: int) -> "subprocess.CompletedProcess[str]":
    """A run whose folder is on a file system with so many bytes."""
    script = f'mount -t tmpfs -o size={room} none "{out}" && exec "$@"'
    argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    out.mkdir()
    return subprocess.run(
        [*argv, *LAB, "run", str(story("mixed")), "--substrate", "netns", "--out", str(out)],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
    )


@pytest.mark.parametrize("room", [4096, 16384, 32768])
def test_a_full_disk_is_one_sentence(out: Path, room: int) -> None:
    done = full_disk(out, room)
    assert "cannot be written" in sentence(done)
    assert "No space left on device" in sentence(done)
    assert done.returncode == 4


def test_folders_of_the_same_second_are_told_apart(tmp_path: Path) -> None:
    folders = [run_folder.make(tmp_path, "s") for _ in range(5)]
    assert len(set(folders)) == 5


def test_the_link_moves_to_the_newest(tmp_path: Path) -> None:
    for _ in range(2):
        run_folder.link_latest(newest := run_folder.make(tmp_path, "s"))
    assert (tmp_path / "s" / "latest").resolve() == newest.resolve()


def test_a_file_in_the_way_of_the_runs_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(BadOption, match="is not a directory"):
        run_folder.make(tmp_path / "runs", "s")


def test_progress_is_painted_and_taken_away_where_only_stderr_is_a_terminal(out: Path) -> None:
    ours, theirs = os.openpty()
    argv = [*LAB, "run", str(story("good")), "--substrate", "netns", "--out", str(out)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=theirs, env=environment(TERM="xterm"))
    os.close(theirs)
    seen = b""
    try:
        while select.select([ours], [], [], 30)[0]:
            seen += os.read(ours, 4096)
    except OSError:
        pass  # a terminal's way to say that nobody is at the other end
    os.close(ours)
    assert process.wait() == 0
    assert b"substrate netns: as requested\x1b[K" in seen  # later steps may be over before they are painted
    assert seen.endswith(b"A\x1b[J")
