"""The same seed gives the same run, to the byte, whatever else the machine does; another seed gives another run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab import scenario
from lab.kernel.kernels import Kernel
from tests.unit.cli import ROOT, environment

FILES = ("capture.pcapng", "evidence.jsonl", "result.json")
MORE_LOSS = "retransmit, 20 % lost"


def runs(file: str, seeds: tuple[int, ...], out: Path) -> list[Path]:
    """The folders of one run for each seed, all side by side."""
    command = [sys.executable, "-m", "lab", "run", file, "--clock", "virtual", "--quiet"]
    started = [
        subprocess.Popen(
            [*command, "--seed", str(seed), "--out", str(out / str(number))],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, seed in enumerate(seeds)
    ]
    printed = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(seeds), printed
    return [Path(lines.splitlines()[-1]) for lines in printed]


def with_more_loss(folder: Path) -> str:
    """A copy of `retransmit` that loses 20 % in place of what is bearable in real time."""
    text = (scenario.SCENARIOS / "retransmit.py").read_text()
    assert text.count("Loss(LOSS)") == 1
    (folder / "more_loss.py").write_text(text.replace("Loss(LOSS)", "Loss(0.2)"))
    return str(folder / "more_loss.py")


@pytest.mark.parametrize("name", [*scenario.names(), MORE_LOSS])
def test_a_seed_is_a_run(name: str, kernel: Kernel, tmp_path: Path) -> None:
    file = name if name != MORE_LOSS else with_more_loss(tmp_path)
    once, again, other = runs(file, (11, 11, 12), tmp_path)
    for kept in FILES:
        assert (once / kept).read_bytes() == (again / kept).read_bytes(), f"{once / kept} and {again / kept} differ"
    assert (once / "capture.pcapng").read_bytes() != (other / "capture.pcapng").read_bytes()
    if name == MORE_LOSS:
        records = map(json.loads, (once / "evidence.jsonl").read_text().splitlines())
        faults = [one for one in records if one["kind"] == "fault"]
        lossy = [one for one in faults if any(fault["name"] == "loss" for fault in one["faults"])]
        assert {one["engine"] for one in lossy} == {"netem"}
