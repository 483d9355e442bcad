"""A command in the lab's own kernel, in a process of its own, for tests that kill and disturb it."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.command_line import LAB, ROOT, environment
from tests.leftovers import GONE_WITHIN, await_ends
from tests.pace import Deadline

SMALL = ("--memory", "128")  # MB
SLOW = "300"  # s; a limit for what ends by itself, also on a busy machine


def some_boots(how_many: int) -> str:
    """For --limit: as many seconds as so many boots take on this machine, as busy as it is now, and two more."""
    began = time.monotonic()
    assert boxed("--", "true").returncode == 0
    return f"{2 + how_many * (time.monotonic() - began):.1f}"


def boxed(*args: object, cwd: Path = ROOT, **more: str) -> "subprocess.CompletedProcess[str]":
    """`badwire kernel run ARGS...`, to its end; ``more`` are variables of the environment."""
    argv = [*LAB, "kernel", "run", *SMALL, *map(str, args)]
    return subprocess.run(argv, cwd=cwd, env=environment(**more), capture_output=True, text=True)


@contextmanager
def running(out: Path, command: str, *options: str, temporary: Path | None = None) -> Iterator["subprocess.Popen[str]"]:
    """A shell's command under way in a kernel: what it says first has been heard."""
    named = () if temporary else ("--out", str(out))
    argv = [*LAB, "kernel", "run", *SMALL, *options, *named, "--", "sh", "-c", f"echo ready; {command}"]
    env = environment(**({"TMPDIR": str(temporary)} if temporary else {}))
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def kernels_in(folder: Path) -> list[int]:
    """The processes of kernels whose run's folder is this one or below it, the kernel itself first."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            stands, runs = Path(os.readlink(process / "cwd")), Path(os.readlink(process / "exe"))
            if stands.is_relative_to(folder) and runs.name == "linux":
                found.append((int((process / "stat").read_text().rpartition(")")[2].split()[19]), int(process.name)))
        except OSError:
            continue  # it has ended, or is another user's
    return [pid for _, pid in sorted(found)]


def assert_gone(folder: Path) -> None:
    """Within the promised time no process of such a kernel is left."""
    deadline = Deadline(GONE_WITHIN)
    while left := kernels_in(folder):
        remaining = deadline.left()
        assert remaining > 0, f"left after {GONE_WITHIN} s: {left}"
        await_ends(left, remaining)
