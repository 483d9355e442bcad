"""The same seed gives the same run, to the byte, whatever else the machine does; another seed gives another run."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from badwire.scenario import scenario_file
from badwire.uml.cache import BuiltKernel, current_link
from badwire.util import project
from tests.command_line import ROOT, environment
from tests.uml.catalogue import SEEDS, SOME, run

FILES = ("frames.pcapng", "capture.pcapng", "evidence.jsonl", "result.json")
SHORT = (
    "addresses",
    "bind_in_use",
    "broken_pipe",
    "byte_order",
    "close",
    "half_close",
    "handshake",
    "one_read",
    "reset",
    "udp",
)
NOBODY = 65534


def assert_same(once: Path, again: Path) -> None:
    for kept in FILES:
        assert (once / kept).read_bytes() == (again / kept).read_bytes(), f"{once / kept} and {again / kept} differ"


def assert_other(once: Path, other: Path) -> None:
    assert (once / "frames.pcapng").read_bytes() != (other / "frames.pcapng").read_bytes()


@pytest.mark.parametrize("name", scenario_file.names())
def test_a_seed_is_a_run(name: str, catalogue: Path) -> None:
    assert_same(catalogue / "once" / name / "latest", catalogue / "again" / name / "latest")


@pytest.mark.parametrize("name", SOME)
def test_another_seed_is_another_run(name: str, catalogue: Path) -> None:
    assert_other(catalogue / "once" / name / "latest", catalogue / "other" / name / "latest")


def user_who_can_run_python() -> int | None:
    """An ordinary user, if we are root and that user can reach the Python that runs these tests."""
    if os.getuid() != 0:
        return None
    try:
        done = subprocess.run(
            [sys.executable, "-c", "import pyroute2"], user=NOBODY, cwd="/", stderr=subprocess.DEVNULL
        )
    except OSError:
        return None
    return NOBODY if done.returncode == 0 else None


@pytest.fixture(scope="module")
def elsewhere(kernel: BuiltKernel) -> Iterator[Path]:
    """Short scenarios from a copy of the project, with compiled modules beside the sources, by another user."""
    user = user_who_can_run_python()
    with tempfile.TemporaryDirectory(prefix="badwire-test-") as folder:  # tmp_path is closed to other users
        os.chmod(folder, 0o755)
        clone = Path(folder, "a copy of the project", "with a long path" * 8)
        for name in ("lab", "scenarios", "images", "docs", "compose.yaml"):
            source, target = ROOT / name, clone / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        cache = Path(folder, "cache")
        kernels = cache / "badwire" / "kernel"
        shutil.copytree(kernel.folder, kernels / kernel.folder.name)
        (kernels / current_link().name).symlink_to(kernel.folder.name)
        argv = [sys.executable, "-m", "compileall", "-q", "lab", "scenarios", "images/host/programs"]
        subprocess.run(argv, cwd=clone, check=True)
        runs = Path(folder, "runs")
        if user is not None:
            for made in Path(folder).rglob("*"):
                os.chown(made, user, user)
            os.chown(folder, user, user)
        named = ("--clock", "virtual", "--quiet", "--seed", str(SEEDS["again"]), "--out", str(runs))
        done = subprocess.run(
            [sys.executable, "-m", "badwire", "run", *SHORT, *named],
            cwd=folder,
            env=environment(PYTHONPATH=str(clone / "lab"), XDG_CACHE_HOME=str(cache), TMPDIR=folder),
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        yield runs


@pytest.mark.parametrize("name", SHORT)
def test_a_seed_is_a_run_wherever_the_project_is(name: str, catalogue: Path, elsewhere: Path) -> None:
    assert_same(catalogue / "once" / name / "latest", elsewhere / name / "latest")


def test_a_seed_is_a_run_at_20_percent_loss(kernel: BuiltKernel, tmp_path: Path) -> None:
    """A copy of `retransmit` that loses 20 % in place of what is bearable in real time, by the kernel's netem.

    An ACK may echo a timestamp from before a timeout, so that the whole wait counts as one round trip. With some seeds
    the RTO rises to its maximum, 120 s, in this way, and the transfer takes many minutes.
    """
    text = (project.SCENARIOS / "retransmit.py").read_text()
    assert text.count("Loss(LOSS)") == 1 and text.count("timeout=600") == 2
    file = tmp_path / "more_loss.py"
    file.write_text(text.replace("Loss(LOSS)", "Loss(0.2)").replace("timeout=600", "timeout=7200"))
    for name, seed in SEEDS.items():
        run(str(file), seed=seed, out=tmp_path / name)
    once, again, other = (tmp_path / name / "more_loss" / "latest" for name in SEEDS)
    assert_same(once, again)
    assert_other(once, other)
    records = map(json.loads, (once / "evidence.jsonl").read_text().splitlines())
    faults = [one for one in records if one["kind"] == "fault"]
    lossy = [one for one in faults if any(fault["name"] == "loss" for fault in one["faults"])]
    assert {one["engine"] for one in lossy} == {"netem"}
