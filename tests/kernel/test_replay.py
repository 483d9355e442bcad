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
SEEDS = {"once": 11, "again": 11, "other": 12}


def run(what: str, seed: int, out: Path) -> None:
    """A scenario, or all of them, with this seed; all claims hold."""
    command = [sys.executable, "-m", "lab", "run", what, "--clock", "virtual", "--quiet", "--seed", str(seed)]
    done = subprocess.run([*command, "--out", str(out)], cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def catalogue(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole catalogue, three times, with as many scenarios at once as there are processors."""
    folder = tmp_path_factory.mktemp("catalogue")
    for name, seed in SEEDS.items():
        run("all", seed, folder / name)
    return folder


def compare(once: Path, again: Path, other: Path) -> None:
    for kept in FILES:
        assert (once / kept).read_bytes() == (again / kept).read_bytes(), f"{once / kept} and {again / kept} differ"
    assert (once / "capture.pcapng").read_bytes() != (other / "capture.pcapng").read_bytes()


@pytest.mark.parametrize("name", scenario.names())
def test_a_seed_is_a_run(name: str, catalogue: Path) -> None:
    compare(*(catalogue / each / name / "latest" for each in SEEDS))


def test_a_seed_is_a_run_at_20_percent_loss(kernel: Kernel, tmp_path: Path) -> None:
    """A copy of `retransmit` that loses 20 % in place of what is bearable in real time, by the kernel's netem."""
    text = (scenario.SCENARIOS / "retransmit.py").read_text()
    assert text.count("Loss(LOSS)") == 1
    file = tmp_path / "more_loss.py"
    file.write_text(text.replace("Loss(LOSS)", "Loss(0.2)"))
    for name, seed in SEEDS.items():
        run(str(file), seed, tmp_path / name)
    once, again, other = (tmp_path / name / "more_loss" / "latest" for name in SEEDS)
    compare(once, again, other)
    records = map(json.loads, (once / "evidence.jsonl").read_text().splitlines())
    faults = [one for one in records if one["kind"] == "fault"]
    lossy = [one for one in faults if any(fault["name"] == "loss" for fault in one["faults"])]
    assert {one["engine"] for one in lossy} == {"netem"}
