"""A Docker Engine inside the lab's own kernel: containers, a bridge, and netem on its ports, on any machine."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from badwire.errors import MachineError
from badwire.pytest_plugin import require
from badwire.uml.cache import BuiltKernel
from badwire.uml.cow_disk import over
from badwire.uml.docker import engine_disk, store
from badwire.uml.machine import Job, Machine
from tests.command_line import LAB, ROOT, environment

SUITE = "tests/conformance"


@pytest.fixture(scope="session")
def disk(kernel: BuiltKernel) -> Path:
    """The engine's disk, made if need be; skipped where that cannot be, failed if BADWIRE_REQUIRE names `virtual`."""
    try:
        return engine_disk.ensure(kernel, print)
    except MachineError as error:
        require.lacking(str(error), {"virtual"})


def side_by_side(*commands: Sequence[str | Path]) -> list[str]:
    """What each command prints; all must end with status 0."""
    started = [
        subprocess.Popen(
            [*LAB, *command], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for command in commands
    ]
    printed = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(commands), "\n".join(printed)
    return printed


def test_the_conformance_suite_holds_on_it(disk: Path) -> None:
    pytest_alone = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"]
    collected = subprocess.run(
        [*pytest_alone, "--collect-only", "-k", "docker", SUITE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    tests = [line for line in collected.stdout.splitlines() if "::" in line]
    assert len(tests) > 20

    def part(some: list[str]) -> list[str | Path]:
        inside = ["env", "BADWIRE_REQUIRE=docker", *pytest_alone, *some]
        # The folders of the tests' runs are in the kernel's memory, too.
        return ["kernel", "run", "--docker", "--memory", "1024", "--limit", "1200", "--", *inside]

    # Two kernels at once, one for each processor, and each for a quarter: a lab in containers there takes many seconds.
    quarters = [tests[number::4] for number in range(4)]
    for pair in (quarters[:2], quarters[2:]):
        for some, printed in zip(pair, side_by_side(*map(part, pair)), strict=True):
            assert re.search(rf"\b{len(some)} passed\b", printed) and "skipped" not in printed, printed


def test_scenarios_hold_on_it_with_netem_on_the_ports(disk: Path, tmp_path: Path) -> None:
    names = ("handshake", "retransmit")
    how = ("--clock", "virtual", "--substrate", "docker", "--limit", "600")
    for printed in side_by_side(*(["run", name, *how, "--out", str(tmp_path / name)] for name in names)):
        assert "held (docker, Linux" in printed and "faults by netem" in printed, printed


def test_runs_side_by_side_have_disks_of_their_own_and_leave_nothing_on_the_one_below(
    kernel: BuiltKernel, disk: Path, tmp_path: Path
) -> None:
    before = disk.stat()
    script = "test -z $(docker volume ls -q) && docker volume create $0"
    runs = [["kernel", "run", "--docker", "--", "sh", "-c", script, name] for name in ("one", "other")]
    assert [printed.splitlines()[-1] for printed in side_by_side(*runs)] == ["one", "other"]
    after = disk.stat()
    assert (after.st_blocks, after.st_mtime_ns) == (before.st_blocks, before.st_mtime_ns)


def test_an_engine_that_does_not_come_up_is_quoted(kernel: BuiltKernel, disk: Path, tmp_path: Path) -> None:
    content, bad = tmp_path / "content", tmp_path / "bad.ext4"
    content.mkdir()
    (content / "docker").write_text("no folder\n")
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-d", content, bad, "64M"], check=True)
    with pytest.raises(MachineError, match=r"ended as soon as .*\(its last lines: .*points to a file"):
        boot(kernel, bad, tmp_path)


def test_a_disk_that_is_none_is_named_with_the_way_out(kernel: BuiltKernel, disk: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.ext4"
    bad.write_bytes(bytes(1 << 20))
    with pytest.raises(
        MachineError, match=r"disk of the Docker Engine .* cannot be read \(.*Invalid argument\); remove"
    ):
        boot(kernel, bad, tmp_path)


def boot(kernel: BuiltKernel, file: Path, folder: Path) -> None:
    """Boot a kernel with this file as the engine's disk, for nothing else."""
    with file.open("rb") as opened, over(opened.fileno()) as bad:
        Machine(kernel, folder, disks=[bad]).run(Job(command=["true"], engine=True), lambda name, data: None)


def test_what_is_not_installed_is_named_with_its_package() -> None:
    with pytest.raises(MachineError, match=r"needs no-such-engine, installed .* apt-get install its-package, or use"):
        engine_disk.check_installed({"no-such-engine": "its-package", "sh": "dash"})


def test_a_disk_in_use_is_not_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store.folder().mkdir(parents=True)
    old, used, mine, others = (store.folder() / f"hosts-{name}.ext4" for name in ("aa-1", "aa-2", "aa-3", "bb-1"))
    for disk in (old, used, mine, others):
        disk.write_bytes(b"")
    with store.held(lambda: used):
        store.remove_old(keep={mine}, checkout="aa")
    assert set(store.folder().iterdir()) == {used, mine, others}


def test_a_disk_that_nobody_uses_for_long_is_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store.folder().mkdir(parents=True)
    disk = store.folder() / "base-1.ext4"
    disk.write_bytes(b"")
    os.utime(disk, (disk.stat().st_mtime - store.UNUSED - 1,) * 2)
    store.remove_old(keep=set(), checkout="aa")
    assert not disk.exists()
