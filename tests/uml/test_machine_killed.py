"""Whoever is killed, the kernel or the lab, nothing is left, and what was seen until then can be read."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from badwire.evidence import Evidence
from badwire.uml import scratch
from tests.command_line import LAB, ROOT, environment, lab
from tests.end_to_end.running import STORIES, until
from tests.uml.machines import SMALL, assert_gone, boxed, kernels_in, running, some_boots
from tests.uml.test_machine import SPIN

pytestmark = pytest.mark.usefixtures("kernel")


@pytest.mark.parametrize(
    ("sent", "told"),
    [(signal.SIGKILL, "was ended from outside by SIGKILL"), (signal.SIGTERM, "ended with status 1 before its job was")],
)
def test_a_killed_kernel_is_told(tmp_path: Path, sent: signal.Signals, told: str) -> None:
    with running(tmp_path, SPIN) as run:
        os.kill(kernels_in(tmp_path)[0], sent)
        _, err = run.communicate()
        assert run.returncode == 3 and told in err and "Traceback" not in err
        assert_gone(tmp_path)


def test_a_stopped_kernel_is_ended_all_the_same(tmp_path: Path) -> None:
    limit = some_boots(6)
    with running(tmp_path, SPIN, "--limit", limit) as run:
        os.kill(kernels_in(tmp_path)[0], signal.SIGSTOP)
        _, err = run.communicate()
        assert run.returncode == 3 and "s of real time: it was stopped from outside" in err
        assert_gone(tmp_path)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_lab_ends_its_kernel(tmp_path: Path, sent: signal.Signals, status: int) -> None:
    with running(tmp_path, SPIN) as run:
        os.killpg(run.pid, sent)  # as a terminal does
        _, err = run.communicate()
        assert run.returncode == status and "everything is undone" in err and "Traceback" not in err
        assert_gone(tmp_path)


def test_a_lab_killed_at_any_moment_leaves_nothing(tmp_path: Path) -> None:
    moments, shared = random.Random(1), set(os.listdir("/dev/shm"))
    argv, env = [*LAB, "kernel", "run", *SMALL, "--", "sh", "-c", SPIN], environment(TMPDIR=str(tmp_path))
    for _ in range(8):
        process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.01, 1.2))  # not an event: that is the point
        process.kill()
        process.wait()
        assert_gone(tmp_path)
    assert not [name for name in set(os.listdir("/dev/shm")) - shared if "badwire" in name or "vm_file" in name]
    assert boxed("--", "true", TMPDIR=str(tmp_path)).returncode == 0
    assert list(tmp_path.iterdir()) == []  # the next one removes the folder of a killed one


def test_clean_removes_the_folder_of_a_killed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "badwire.notes").mkdir()
    with running(tmp_path, SPIN, temporary=tmp_path) as run:
        assert scratch.sweep() == []
        run.kill()
        run.wait()
        assert_gone(tmp_path)
        assert [told.rpartition(",")[2] for told in scratch.sweep()] == [" of a run of the kernel that was killed"]
        assert os.listdir(tmp_path) == ["badwire.notes"]


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_what_a_broken_off_scenario_recorded_can_be_read(tmp_path: Path, sent: signal.Signals, status: int) -> None:
    argv = [*LAB, "run", str(STORIES / "endless.py"), "--clock", "virtual", "--out", str(tmp_path)]
    process = subprocess.Popen(
        argv, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        evidence = until(lambda: next(tmp_path.glob("*/*/evidence.jsonl"), None), "a record", alive=process)
        assert evidence is not None
        until(lambda: '"LISTEN"' in evidence.read_text(), "a socket that listens", alive=process)
        process.send_signal(sent)
        _, err = process.communicate()
        assert process.returncode == status and "Traceback" not in err
        assert_gone(tmp_path)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    seen = Evidence.load(evidence.parent)
    assert seen.host("server").most("LISTEN", port=7000) == 1
    if sent != signal.SIGKILL:
        assert f"the evidence so far is in {evidence.parent}" in err
        again = lab("check", evidence.parent)
        assert again.returncode == 3 and "UNKNOWN" in again.stdout
