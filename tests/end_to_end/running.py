"""A run of the real command in a process of its own, to do bad things to."""

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).parents[2]
STORIES = ROOT / "tests" / "stories"
GONE_WITHIN = 2.0  # seconds; what the lab promises for a run that is killed


class Running:
    """`badwire run` of stories; every process of it carries a mark in its environment, and so can be found."""

    def __init__(self, stories: str, substrate: str, out: Path, *options: str) -> None:
        self.mark = f"BADWIRE_TEST_MARK={uuid.uuid4()}"
        name, _, value = self.mark.partition("=")
        self.out = out
        files = [STORIES / f"{story}.py" for story in stories.split()]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "badwire", "run", *files, "--substrate", substrate, "--out", out, *options],
            cwd=ROOT,
            env={**os.environ, name: value},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait_for_line(self, words: str) -> None:
        """Until it says so on stderr."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if words in line:
                return
        raise AssertionError(f"it never said {words!r}; it ended with {self.process.wait()}")

    @property
    def folder(self) -> Path:
        """The run's folder; waits until there is one."""
        return until(lambda: next((path.parent for path in self.out.glob("*/*/evidence.jsonl")), None), "a folder")

    def wait_for_record(self, words: str) -> None:
        """Until the evidence has it."""
        evidence = self.folder / "evidence.jsonl"
        until(lambda: words in evidence.read_text(), f"{words} in the evidence")

    def wait_for_mark(self, how_many: int) -> None:
        """Until it has so many processes."""
        until(lambda: len(marked(self.mark)) >= how_many, f"{how_many} processes")

    def end(self) -> tuple[int, str, str]:
        """Its status and what it printed, once it has ended by itself."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def until(look, what: str, within: float = 20.0):  # type: ignore[no-untyped-def]
    """Look until there is something; for what tells nobody when it happens."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if found := look():
            return found
    raise AssertionError(f"there never was {what}")


def marked(mark: str) -> dict[int, str]:
    """The living processes with this mark: agents by their pid, with their command."""
    found: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if mark.encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it ended, or it is not ours to read
    return found


def assert_all_gone(mark: str) -> None:
    """Within the promised time no process is left; with the last one its namespaces, interfaces and qdiscs go."""
    end = time.monotonic() + GONE_WITHIN
    while left := marked(mark):
        assert time.monotonic() < end, f"left after {GONE_WITHIN} s: {left}"
