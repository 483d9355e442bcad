"""Builds that are interrupted, and two at once: one kernel, and nothing left behind."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from badwire.errors import KernelError
from badwire.uml import cache
from badwire.uml.build import build
from badwire.uml.build.sources import KernelSource
from tests.command_line import environment, lab
from tests.uml.build.tree import building, builds, hear, plant


def slow(tmp_path: Path) -> tuple[Path, Path]:
    """A tree whose build waits in the middle, and the pipe that ends its waiting."""
    fifo = tmp_path / "go-on"
    os.mkfifo(fifo)
    return plant(tmp_path, also=f"cat {fifo}"), fifo


def let_go(fifo: Path) -> None:
    with fifo.open("w"):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing(workshop: Path, tmp_path: Path, number: int) -> None:
    tree, _ = slow(tmp_path)
    with building(tree) as process:
        hear(process, "building the kernel: 200")
        process.send_signal(number)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 128 + number
    assert "is undone." in said.splitlines()[-1]
    assert [path.name for path in workshop.iterdir()] == ["lock"]


def test_a_killed_build_goes_with_its_programs_and_the_next_removes_the_rest(workshop: Path, tmp_path: Path) -> None:
    tree, fifo = slow(tmp_path)
    with building(tree) as process:
        hear(process, "building the kernel: 200")
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert (workshop / ".building").is_dir()
    assert cache.ready_kernel() is None
    fifo.unlink()
    fifo.touch()
    told: list[str] = []
    # It waits for the dead one's programs, which hold the lock, if they have not ended yet.
    kernel = build.build(KernelSource(tree), told.append)
    assert cache.ready_kernel() == kernel and builds(tree) == 2
    assert not (workshop / ".building").exists()


def test_what_a_killed_build_left_is_swept_but_not_a_living_one(workshop: Path, tmp_path: Path) -> None:
    tree, _ = slow(tmp_path)
    assert cache.sweep() == []
    with building(tree) as process:
        hear(process, "building the kernel: 200")
        assert cache.sweep() == []
        assert (workshop / ".building").is_dir()
        process.kill()
    with cache.exclusive(lambda text: None):
        pass  # its programs have ended
    assert f"removed {workshop}/.building, of a build of the kernel that was killed\n" in lab("clean").stdout
    assert not (workshop / ".building").exists()


def test_two_at_once_make_one(workshop: Path, tmp_path: Path) -> None:
    tree, fifo = slow(tmp_path)
    with building(tree) as first:
        hear(first, "building the kernel: 200")
        with building(tree) as second:
            hear(second, "another build of the kernel is under way: waiting for it")
            let_go(fifo)
            for process in (first, second):
                assert process.stderr is not None
                process.stderr.read()
    assert builds(tree) == 1
    assert cache.ready_kernel() is not None
    assert [first.returncode, second.returncode] == [KernelError.exit_status] * 2  # the tree's kernel does not boot


@pytest.mark.parametrize(
    ("step", "times"),
    [
        ("kernel.remember(KernelSource(Path(sys.argv[1])))", 1000),
        ("preload.make(Path(sys.argv[1]))", 10),
    ],
)
def test_processes_that_write_the_same_file_at_once_are_not_in_each_others_way(
    workshop: Path, tmp_path: Path, step: str, times: int
) -> None:
    workshop.mkdir(parents=True)
    code = f"""
import sys
from pathlib import Path
from badwire.cli import kernel
from badwire.uml import preload
from badwire.uml.build.sources import KernelSource
sys.stdin.read()
for _ in range(int(sys.argv[2])):
    {step}
"""
    argv = [sys.executable, "-c", code, str(tmp_path), str(times)]
    with ExitStack() as undo:
        writers = [
            undo.enter_context(
                subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True)
            )
            for _ in range(3)
        ]
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.close()
        said = [writer.stderr.read() for writer in writers if writer.stderr is not None]
    assert said == [""] * 3
