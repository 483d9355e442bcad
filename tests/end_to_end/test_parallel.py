"""Several scenarios in parallel: each ends in its own way, and none outlives the command."""

import os
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest

from badwire.evidence import Evidence
from badwire.substrate.substrate import Substrate
from tests.command_line import lab, result
from tests.end_to_end.running import STORIES, Running, assert_all_gone, marked, until


def runs_of(stories: str, folder: Path) -> list[Path]:
    """Copies of stories, each under a name of its own, since a story's folder is named after its file."""
    return [
        Path(shutil.copy(STORIES / f"{story}.py", folder / f"{story}{n}.py")) for n, story in enumerate(stories.split())
    ]


def evidence_of(runs: Path, scenario: str) -> Path:
    """The evidence of a scenario's run, as soon as it is there."""
    found = until(lambda: list(runs.glob(f"{scenario}/*/evidence.jsonl")), "evidence")
    return found[0]


def has_a_listener(evidence: Path) -> bool:
    return '"LISTEN"' in evidence.read_text()


def test_each_ends_in_its_own_way_and_the_worst_is_the_status(substrate: Substrate, tmp_path: Path) -> None:
    files = runs_of("good mixed slip good", tmp_path)
    done = lab("run", *files, "--jobs", 3, "--substrate", substrate.name, "--out", tmp_path / "runs")
    verdicts = {file.stem: result(tmp_path / "runs" / file.stem / "latest")["verdict"] for file in files}
    assert verdicts == {"good0": "HOLDS", "mixed1": "FAILS", "slip2": "UNKNOWN", "good3": "HOLDS"}
    assert done.returncode == 1
    assert "slip2 failed in slip2.py" in done.stderr and "Traceback" not in done.stderr
    assert all(f"{file.stem}: running" in done.stderr for file in files)


def test_one_that_is_killed_is_told_and_the_others_go_on(substrate: Substrate, tmp_path: Path) -> None:
    with Running("endless good", substrate.name, tmp_path, "--jobs", "2") as run:
        folder = until(lambda: next((path.parent for path in tmp_path.glob("good/*/result.json")), None), "a result")
        until(lambda: next(tmp_path.glob("endless/*/evidence.jsonl"), None), "evidence")
        until(lambda: '"LISTEN"' in next(tmp_path.glob("endless/*/evidence.jsonl")).read_text(), "a listener")
        children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        status, out, err = run.end()
        assert "the process that ran endless was killed" in err and "Traceback" not in err
        assert status == 3 and str(folder) in out
        assert_all_gone(run.mark)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_all_of_them_undo_everything(
    substrate: Substrate, tmp_path: Path, sent: signal.Signals, status: int
) -> None:
    files = runs_of("endless endless", tmp_path)
    with Running(" ".join(str(file.with_suffix("")) for file in files), substrate.name, tmp_path, "--jobs", "2") as run:
        for file in files:
            found = evidence_of(tmp_path, file.stem)
            until(partial(has_a_listener, found), "a listener")
        run.process.send_signal(sent)
        ended, _, err = run.end()
        assert ended == status and "Traceback" not in err
        assert not marked(run.mark)
    for file in files:
        assert "everything is undone" in str(Evidence.load(tmp_path / file.stem / "latest").error)


def test_killed_it_leaves_nothing(substrate: Substrate, tmp_path: Path) -> None:
    files = runs_of("endless endless", tmp_path)
    with Running(" ".join(str(file.with_suffix("")) for file in files), substrate.name, tmp_path, "--jobs", "2") as run:
        for file in files:
            evidence_of(tmp_path, file.stem)
        run.process.kill()
        run.process.wait()
        until(lambda: not marked(run.mark), "an end of all its processes")
