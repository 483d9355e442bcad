"""The command line as its users have it: a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lab" / "badwire"
PATH = os.pathsep.join([str(ROOT / "lab"), str(ROOT)])  # for PYTHONPATH: the package, and tests and tools
STORIES = ROOT / "tests" / "stories"
LAB = [sys.executable, "-m", "badwire"]


def environment(**more: str) -> dict[str, str]:
    """Our environment with the project on the path, whatever the process's working directory."""
    return {**os.environ, "PYTHONPATH": PATH, **more}


def lab(*args: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `badwire ARGS...` to its end."""
    argv = [*LAB, *map(str, args)]
    return subprocess.run(argv, cwd=cwd, env=env or environment(), capture_output=True, text=True, timeout=120)


def story(name: str) -> Path:
    """The path of one of the tests' own scenarios."""
    return STORIES / f"{name}.py"


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence of an error: the last line of stderr, which must not have a traceback."""
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("badwire: ")
    return last.removeprefix("badwire: ")


def result(folder: Path) -> dict[str, Any]:
    """result.json of a run's folder."""
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found
