"""Runs of scenarios on the virtual clock by the command, and the whole catalogue with the seeds that tests compare."""

import subprocess
import sys
from pathlib import Path

from badwire.scenario import scenario_file
from tests.command_line import ROOT, environment

SEEDS = {"once": 11, "again": 11, "other": 12}
SOME = scenario_file.names()[::7]


def check(*command: str, status: int = 0) -> None:
    """All claims hold, or the status is another that is expected, and nothing is skipped."""
    argv = [sys.executable, "-m", *command]
    done = subprocess.run(argv, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == status and "skipped" not in done.stdout, done.stdout[-4000:] + done.stderr[-2000:]


def run(*what: str, seed: int, out: Path) -> None:
    check("badwire", "run", *what, "--clock", "virtual", "--quiet", "--seed", str(seed), "--out", str(out))


def run_catalogue(folder: Path) -> None:
    """The whole catalogue by the command, the same as tests of pytest, and some of it with another seed."""
    run("all", seed=SEEDS["once"], out=folder / "once")
    named = ("--lab-clock", "virtual", "--lab-seed", str(SEEDS["again"]), "--lab-out", str(folder / "again"))
    check("pytest", "-p", "no:cacheprovider", "-q", "scenarios", *named)
    run(*SOME, seed=SEEDS["other"], out=folder / "other")
