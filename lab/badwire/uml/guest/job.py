"""PID 1 of the lab's own kernel: mounts file systems, runs one job, writes its answer, and halts the kernel.

`machine` runs it as ``python -m badwire.uml.guest.init``. Python starts before anything is mounted, so the standard
library and the lab are read directly from the machine's files.
"""

import importlib
import json
import os
import sys
import termios
import time
import traceback
from pathlib import Path
from typing import Any

from badwire.agent.host import system
from badwire.errors import LabError, to_wire
from badwire.linux import libc
from badwire.uml.paths import AUX, OUT

_FRESH = ("/run", "/dev/shm")


def furnish() -> None:
    """Mount the file systems that every Linux system has, and the run's folder, which is writable."""
    libc.mount("proc", "/proc", "proc", 0)
    libc.mount("sysfs", "/sys", "sysfs", 0)
    libc.mount("devtmpfs", "/dev", "devtmpfs", 0)
    for path in ("/dev/shm", "/dev/pts"):
        os.makedirs(path, exist_ok=True)
    libc.mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666,newinstance")
    for path in _FRESH:
        libc.mount("tmpfs", path, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=1777")
    # The files in the machine's /tmp are visible, since a user's files may be there; changes are kept in memory.
    for layer in ("upper", "work"):
        os.mkdir(f"/run/{layer}")
    libc.mount("overlay", "/tmp", "overlay", 0, "lowerdir=/tmp,upperdir=/run/upper,workdir=/run/work")
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, f"/dev/{name}")
    system.up("lo")  # as on every machine
    # The working directory of the kernel's process on the machine, so that the path is the same in every run. Writes
    # are synchronous, so files are complete on the machine however this kernel ends.
    show("/proc/self/cwd/.", Path(OUT), libc.MS_SYNCHRONOUS)


def wait_for_exact_timers() -> None:
    """Wait until the kernel has high-resolution timers, which the resolution of its clock shows.

    The kernel switches to them after its first ticks (kernel/time/hrtimer.c, hrtimer_switch_to_hres), which on the
    virtual clock may come late.
    """
    while time.clock_getres(time.CLOCK_MONOTONIC) > 1e-6:
        time.sleep(0.01)


def show(source: str, target: Path, flags: int) -> None:
    """Mount a directory of the machine, ``source``, at ``target``."""
    target.mkdir(parents=True, exist_ok=True)
    libc.mount("none", str(target), "hostfs", flags, source)


def show_again(path: str) -> None:
    """Mount a directory of the machine at its own path, read-only, if the new /run or /dev/shm hides it."""
    if any(Path(path).is_relative_to(fresh) for fresh in _FRESH) and not os.path.exists(path):
        show(path, Path(path), libc.MS_RDONLY)


def speak() -> None:
    """Connect stdout and stderr each to a console whose bytes the machine writes to a file, and stdin to /dev/null."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for console, fd in (("/dev/tty1", 1), ("/dev/tty2", 2)):
        terminal = os.open(console, os.O_WRONLY | os.O_NOCTTY)
        attributes = termios.tcgetattr(terminal)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(terminal, termios.TCSANOW, attributes)
        os.dup2(terminal, fd)
        os.close(terminal)


def do(job: dict[str, Any]) -> Any:
    """Run the job; return the function's return value, or the exit status of the command."""
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["environment"])
    if job["call"]:
        module, _, function = job["call"].rpartition(".")
        return getattr(importlib.import_module(module), function)(**job["arguments"])
    child = os.fork()
    if child == 0:
        try:
            os.execvp(job["command"][0], job["command"])
        except OSError as error:
            print(f"badwire: {job['command'][0]} cannot be run in the kernel: {error.strerror}.", file=sys.stderr)
            os._exit(127)
    while True:
        pid, status = os.wait()  # PID 1 also reaps orphaned processes
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def main() -> None:
    try:
        furnish()
        # Opened before the job runs, since the job may remove the file; the lab outside has it open too.
        answer = os.open(f"{OUT}/{AUX}/answer", os.O_WRONLY)
        job = json.loads((Path(OUT, AUX) / "job.json").read_text())
        speak()
        wait_for_exact_timers()
        os.write(answer, b"began\n")
        for path in job["visible"]:
            show_again(path)
        try:
            if job["engine"]:
                from badwire.uml.guest import docker_engine  # few jobs need it, and an import takes time

                job["environment"]["DOCKER_HOST"] = docker_engine.start().address
            said = {"answer": do(job)}
        except LabError as error:
            said = {"refused": to_wire(error)}
        os.write(answer, json.dumps(said).encode())
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        sys.stdout.flush()
        os.sync()
        libc.reboot(libc.POWER_OFF)
