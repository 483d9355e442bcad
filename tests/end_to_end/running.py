"""A run of the real command in a process of its own, for tests that kill and disturb it."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.leftovers import GONE_WITHIN, await_ends
from tests.pace import HANG, Deadline

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
STORIES = ROOT / "tests" / "stories"


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
        raise AssertionError(f"it never printed {words!r}; it ended with {self.process.wait()}")

    @property
    def folder(self) -> Path:
        """The run's folder; waits until there is one."""
        found = self._until(lambda: next(self.out.glob("*/*/evidence.jsonl"), None), "a folder")
        assert found is not None
        return found.parent

    def wait_for_record(self, words: str) -> None:
        """Until the evidence has it."""
        evidence = self.folder / "evidence.jsonl"
        self._until(lambda: words in evidence.read_text(), f"{words} in the evidence")

    def wait_for_mark(self, how_many: int) -> None:
        """Until it has so many processes."""
        self._until(lambda: len(marked(self.mark)) >= how_many, f"{how_many} processes")

    def end(self) -> tuple[int, str, str]:
        """Its status and what it printed, once it has ended by itself."""
        out, err = self.process.communicate(timeout=HANG)
        return self.process.returncode, out, err

    def _until(self, sample: Callable[[], T], what: str) -> T:
        return until(sample, what, alive=self.process)


def until(sample: Callable[[], T], what: str, alive: "subprocess.Popen[str] | None" = None) -> T:
    """Look until there is something; for what tells nobody when it happens. What it finds.

    It comes when the machine has time for it; it will not come any more once the process that is to bring it is not
    ``alive``.
    """
    end = time.monotonic() + HANG
    while time.monotonic() < end:
        ended = None if alive is None else alive.poll()
        if found := sample():
            return found
        assert ended is None, f"it ended with status {ended} before there was {what}"
        time.sleep(0.005)  # leaves the processor to what is waited for
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
    deadline = Deadline(GONE_WITHIN)
    while left := marked(mark):
        remaining = deadline.left()
        assert remaining > 0, f"left after {GONE_WITHIN} s: {left}"
        await_ends(list(left), remaining)
