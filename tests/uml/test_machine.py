"""A command in the lab's own kernel: what it may write, which of its output is passed on, and how each failure is
reported."""

import ctypes
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from badwire.errors import BadOption
from badwire.session import registry
from badwire.uml.cache import BuiltKernel
from badwire.uml.machine import Job, Machine, reserved_processor
from badwire.util import project
from badwire.util.owner import owner
from tests.command_line import lab, sentence, story
from tests.uml.build.tree import mounted
from tests.uml.machines import SLOW, assert_gone, boxed, kernels_in, running, some_boots

pytestmark = pytest.mark.usefixtures("kernel")
SPIN = "while :; do :; done"
_LANDLOCK_CREATE_RULESET, _LANDLOCK_VERSION = 444, 1  # linux/landlock.h
_EATS = "python3 -c 'b=[bytearray(5<<20) for _ in range(99)]'"
# PID 1 of the kernel is overwritten by what stops a debugger: no kernel survives its PID 1.
_SMASH = """
for line in open("/proc/1/maps"):
    span, rights, *_, name = line.split()
    if "x" in rights and name.startswith("/"):
        begin, end = (int(word, 16) for word in span.split("-"))
        with open("/proc/1/mem", "r+b", 0) as memory:
            memory.seek(begin)
            memory.write(b"\\xcc" * (end - begin))
"""


@pytest.mark.parametrize(("command", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill $$", 143)])
def test_the_commands_status_is_passed_on(command: str, status: int) -> None:
    done = boxed("--", "sh", "-c", command)
    assert (done.returncode, done.stderr) == (status, "")


def test_its_timers_are_exact_from_the_first_moment() -> None:
    measure = "import time; a = time.monotonic_ns(); time.sleep(0.002); print(time.monotonic_ns() - a)"
    late = int(boxed("--", "python3", "-c", measure).stdout) - 2_000_000
    assert (
        0 <= late < 100_000
    )  # a tick is 10 ms, a reading of the clock 256 ns, and timers of a process have 50 us slack


def test_what_it_writes_is_passed_on_to_the_byte(tmp_path: Path) -> None:
    write = "import os; [os.write(1, bytes(range(256)) * 4096) for _ in range(8)]; os.write(2, b'no newline')"
    argv = [sys.executable, "-m", "badwire", "kernel", "run", "--", "python3", "-c", write]
    written = os.memfd_create("out")
    process = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, written, 1)])
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert os.pread(written, 9 << 20, 0) == bytes(range(256)) * 4096 * 8
    os.close(written)


def test_nothing_to_read_and_nobody_who_listens() -> None:
    command = f"{sys.executable} -m badwire kernel run -- sh -c"
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        assert os.waitstatus_to_exitcode(os.system(f"{command} 'cat; exit 6' {closed}")) == 6
    assert os.waitstatus_to_exitcode(os.system(f"{command} 'yes; exit 6' 2>&1 | head -n 1 | grep -q '^y$'")) == 0


def test_it_writes_into_its_folder_and_nowhere_else(tmp_path: Path) -> None:
    out, own = tmp_path / "out", tmp_path / "mine"
    own.write_text("mine")
    places = ["/", "/etc", "/usr", "/var", "/root", str(Path.cwd()), "/sys", str(tmp_path), "/tmp", "/run", "/dev/shm"]
    command = f"for d in {' '.join(places)}; do echo x >$d/badwire-was-here; done 2>/dev/null; rm -f {own}; "
    command += "echo 7 >/proc/sys/net/ipv4/tcp_fin_timeout; echo kept >/run/out/made"
    timeout = Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text()
    assert boxed("--out", out, "--", "sh", "-c", command).returncode == 0
    assert (out / "made").read_text() == "kept\n" and own.read_text() == "mine"
    assert [place for place in places if os.path.exists(f"{place}/badwire-was-here")] == []
    assert Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text() == timeout


def test_the_machines_labs_and_folders_are_not_dead_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    temporary = tmp_path / f"badwire.{owner().replace('/', '+')}+x"
    temporary.mkdir()
    unlocked = tmp_path / "badwire" / "other.json"
    badwire = f"{sys.executable} -m badwire"
    command = f"{badwire} clean; {badwire} sockets; {badwire} down --name other; ls -d {temporary}"
    with registry.register("lab") as registration:
        registration.write(folder="runs/lab", hosts={}, substrate="netns")
        unlocked.write_text('{"pid": 1, "folder": "runs/other"}')
        done = boxed("--", "sh", "-c", command, TMPDIR=str(tmp_path))
    assert done.stdout.splitlines() == ["nothing to remove", str(temporary)], done.stderr
    assert "killed" not in done.stderr
    assert done.stderr.count("No lab is up") == 2


def test_nor_if_it_mounts_the_machines_files_anew(tmp_path: Path) -> None:
    if ctypes.CDLL(None).syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION) < 1:
        pytest.skip("this machine has no Landlock, which confines the kernel")
    kept, there = tmp_path / "kept", f"/run/there{tmp_path}"
    kept.write_text("as it was")
    command = f"""
        mount -o remount,rw /; mkdir /run/there; mount -t hostfs none /run/there -o /
        cd {there}; head -c 2 kept
        (echo no >kept) || rm kept || mv kept moved && echo written
        touch new || mkdir new || ln -s x new || touch /var/tmp/badwire-new && echo written
    """
    done = boxed("--out", tmp_path / "out", "--", "sh", "-c", command)
    assert done.stdout == "as", done.stderr
    assert kept.read_text() == "as it was"
    assert {file.name for file in tmp_path.iterdir()} == {"kept", "out"}


@pytest.mark.parametrize("command", ["umount -l /run/out", "rm -rf /run/out/kernel; ln -s /etc /run/out/kernel"])
def test_a_job_that_spoils_its_folder_has_its_status_all_the_same(command: str) -> None:
    done = boxed("--", "sh", "-c", f"{command}; exit 5")
    assert (done.returncode, done.stderr) == (5, "")


@pytest.mark.parametrize(
    ("command", "doing"),
    [(SPIN, "a program that computes"), ("while :; do nosuch; done 2>&-", "a program"), ("sleep infinity", "all its")],
)
def test_what_never_ends_is_ended(tmp_path: Path, command: str, doing: str) -> None:
    limit = some_boots(3)
    done = boxed("--limit", limit, "--out", tmp_path, "--", "sh", "-c", command)
    assert done.returncode == 3
    said = sentence(done)
    assert (
        f"was ended after {float(limit):g} s of real time" in said
        and "--limit" in said
        and f"{tmp_path}/kernel/console" in said
    )
    assert doing in said or "this machine gave it no processor" in said
    assert_gone(tmp_path)


def test_a_scenario_that_never_ends_keeps_what_was_seen(tmp_path: Path) -> None:
    text = (
        story("endless")
        .read_text()
        .replace("    server.wait_until", "    while True:\n        pass\n    server.wait_until")
    )
    (tmp_path / "endless.py").write_text(text)
    limit = some_boots(8)
    done = lab("run", tmp_path / "endless.py", "--clock", "virtual", "--limit", limit, "--out", tmp_path / "runs")
    assert done.returncode == 3 and f"was ended after {float(limit):g} s" in sentence(done)
    assert "UNKNOWN" in done.stdout
    again = lab("check", tmp_path / "runs" / "endless" / "latest")
    assert again.returncode == 3 and "UNKNOWN" in again.stdout


def test_out_of_memory() -> None:
    done = boxed("--limit", SLOW, "--", "sh", "-c", _EATS)
    assert done.returncode == 137
    assert sentence(done) == (
        "the virtual clock's kernel ran out of its 128 MB and killed python3; give it more with --memory."
    )


def test_a_panic_tells_why(tmp_path: Path) -> None:
    done = boxed("--limit", SLOW, "--", "sh", "-c", f"echo 1 >/proc/sys/vm/panic_on_oom; {_EATS}")
    assert done.returncode == 3
    assert "ran out of its 128 MB; give it more with --memory (its last lines: Kernel panic" in sentence(done)
    done = boxed("--limit", SLOW, "--out", tmp_path, "--", "python3", "-c", _SMASH)
    assert done.returncode == 3
    assert "panicked: Attempted to kill init!" in sentence(done)
    assert "Kernel panic" in (tmp_path / "kernel" / "console").read_text()


def test_a_job_that_halts_its_kernel() -> None:
    for halt_or_restart in ("0xcdef0123", "0x01234567"):  # include/uapi/linux/reboot.h
        done = boxed("--", "python3", "-c", f"import ctypes; ctypes.CDLL(None).reboot({halt_or_restart})")
        assert done.returncode == 3 and "was halted by its job" in sentence(done)


def test_several_side_by_side(tmp_path: Path) -> None:
    def one(number: int) -> tuple[int, str]:
        out = tmp_path / str(number)
        done = boxed("--out", out, "--", "sh", "-c", f"echo {number} >/run/out/made; sleep 60; exit {number}")
        return done.returncode, (out / "made").read_text()

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(one, range(6))) == [(number, f"{number}\n") for number in range(6)]


def test_a_folder_has_one_kernel_at_a_time(tmp_path: Path) -> None:
    with running(tmp_path, SPIN):
        done = boxed("--out", tmp_path, "--", "true")
        assert done.returncode == 2 and "Another kernel runs with the folder" in sentence(done)
        assert kernels_in(tmp_path)


def test_each_processor_is_given_to_one() -> None:
    with reserved_processor() as first:
        if first is None:
            pytest.skip("other runs have all processors")
        with reserved_processor() as second:
            assert second != first
    there = len(os.sched_getaffinity(0))
    held = [reserved_processor() for _ in range(there + 1)]
    numbers = [one.__enter__() for one in held]
    try:
        taken = [number for number in numbers if number is not None]
        assert len(set(taken)) == len(taken) <= there and numbers[-1] is None
    finally:
        for one in held:
            one.__exit__(None, None, None)


@pytest.mark.parametrize("name", ["sp ace", "com,ma", "e=q", 'quo"te', "do$llar", "ünïcödé à", "new\nline", "x" * 200])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    stands = tmp_path / name
    stands.mkdir()
    done = boxed(
        "--out", stands / "out", "--", "sh", "-c", "pwd; echo x >/run/out/made", cwd=stands, TMPDIR=str(stands)
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{stands}\n", "")
    assert (stands / "out" / "made").exists()


def test_a_path_that_python_cannot_search(kernel: BuiltKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "IMPORTED_FROM", Path("/a:b/lab"))
    with pytest.raises(BadOption, match="move it"):
        Machine(kernel, tmp_path).run(Job(command=["true"]), lambda *_: None)


@pytest.mark.parametrize("name", ["quo\"te 'co:lon", "long/" * 700])
def test_a_python_anywhere(kernel: BuiltKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir(parents=True)
    python = folder / "python"
    python.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(python))
    out = tmp_path / "out"
    out.mkdir()
    assert Machine(kernel, out, memory=128).run(Job(command=["sh", "-c", "exit 7"]), lambda *_: None) == 7


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        done = boxed("--out", out, "--", "true")
        assert done.returncode == 2 and "is not a directory" in sentence(done)
    done = boxed("--out", "/proc/nowhere", "--", "true")
    assert done.returncode == 4 and "cannot be written" in sentence(done)


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    done = boxed("--", "true", cwd=Path("/"))
    assert done.returncode == 0
    gone = tmp_path / "gone"
    gone.mkdir()
    argv = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m badwire kernel run -- true"
    assert os.waitstatus_to_exitcode(os.system(f"{argv} 2>&1 | grep -q 'was removed; cd to another'")) == 0


def test_a_full_disk_and_no_room_in_shared_memory(tmp_path: Path) -> None:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    argv = [sys.executable, "-m", "badwire", "kernel", "run", "--out", tmp_path / "out", "--"]
    for size in ("4k", "12k", "100k"):
        how = f'mount -t tmpfs -o size={size} none "$PLACE"'
        done = mounted(how, tmp_path, *argv, "sh", "-c", "head -c 200000 /dev/zero", cache=cache)
        assert (done.returncode == 4 and "is on a full disk" in sentence(done)) or "cannot be written" in sentence(done)
    how = "mount -t tmpfs -o size=64k,noexec none /dev/shm"
    done = mounted(how, tmp_path, *argv, "sh", "-c", "exit 9", cache=cache)
    assert (done.returncode, done.stderr) == (9, "")
