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

Job = dict[str, Any]  # the fields of badwire.uml.machine.Job
_HIDDEN = ("/run", "/dev/shm")  # new and empty in the kernel
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "fd/0",
    "stdout": "fd/1",
    "stderr": "fd/2",
}
_CONSOLES = {
    1: "/dev/tty1",
    2: "/dev/tty2",
}


def mount_file_systems() -> None:
    """Mount the file systems that every Linux system has, and the run's folder, which is writable."""
    libc.mount("proc", "/proc", "proc", 0)
    libc.mount("sysfs", "/sys", "sysfs", 0)
    libc.mount("devtmpfs", "/dev", "devtmpfs", 0)
    for path in ("/dev/shm", "/dev/pts"):
        os.makedirs(path, exist_ok=True)
    libc.mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666,newinstance")
    flags = libc.MS_NOSUID | libc.MS_NODEV
    for path in _HIDDEN:
        libc.mount("tmpfs", path, "tmpfs", flags, "mode=1777")
    # The files in the machine's /tmp are visible, since a user's files may be there; changes are kept in memory.
    for layer in ("upper", "work"):
        os.mkdir(f"/run/{layer}")
    libc.mount("overlay", "/tmp", "overlay", 0, "lowerdir=/tmp,upperdir=/run/upper,workdir=/run/work")
    for name, target in _DEVICE_LINKS.items():
        os.symlink(target, f"/dev/{name}")
    system.up("lo")  # as on every machine
    # The working directory of the kernel's process on the machine, so that the path is the same in every run. Writes
    # are synchronous, so files are complete on the machine however this kernel ends.
    mount_directory("/proc/self/cwd/.", Path(OUT), libc.MS_SYNCHRONOUS)


def wait_for_exact_timers() -> None:
    """Wait until the kernel has high-resolution timers, which the resolution of its clock shows.

    The kernel switches to them after its first ticks (kernel/time/hrtimer.c, hrtimer_switch_to_hres), which on the
    virtual clock may come late.
    """
    while time.clock_getres(time.CLOCK_MONOTONIC) > 1e-6:
        time.sleep(0.01)


def mount_directory(source: str, target: Path, flags: int) -> None:
    """Mount a directory of the machine, ``source``, at ``target``."""
    target.mkdir(parents=True, exist_ok=True)
    libc.mount("none", str(target), "hostfs", flags, source)


def make_visible(path: str) -> None:
    """Mount a directory of the machine at its own path, read-only, if the new /run or /dev/shm hides it."""
    target = Path(path)
    if os.path.exists(path):
        return
    for hidden in _HIDDEN:
        if target.is_relative_to(hidden):
            mount_directory(path, target, libc.MS_RDONLY)
            return


def connect_output() -> None:
    """Connect stdout and stderr each to a console whose bytes the machine writes to a file, and stdin to /dev/null."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    flags = os.O_WRONLY | os.O_NOCTTY
    for fd, console in _CONSOLES.items():
        terminal = os.open(console, flags)
        attributes = termios.tcgetattr(terminal)
        attributes[1] &= ~termios.OPOST  # the output is passed on unchanged
        termios.tcsetattr(terminal, termios.TCSANOW, attributes)
        os.dup2(terminal, fd)
        os.close(terminal)


def run(job: Job) -> Any:
    """Run the job; return the function's return value, or the exit status of the command."""
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["environment"])
    if job["call"]:
        return call(job["call"], job["arguments"])
    return run_command(job["command"])


def call(path: str, arguments: dict[str, Any]) -> Any:
    """Call a function, named as "module.function"."""
    module_name, _, name = path.rpartition(".")
    module = importlib.import_module(module_name)
    function = getattr(module, name)
    return function(**arguments)


def run_command(command: list[str]) -> int:
    """Run a command and return its exit status: 127 if it cannot be run, 128 plus the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            os.execvp(command[0], command)
        except OSError as error:
            program = command[0]
            print(f"badwire: {program} cannot be run in the kernel: {error.strerror}.", file=sys.stderr)
            os._exit(127)
    pid = 0
    while pid != child:
        pid, status = os.wait()  # PID 1 also reaps orphaned processes
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return 128 - code
    return code


def answer_to(job: Job) -> dict[str, Any]:
    """Start a Docker Engine if the job needs one, and run the job.

    Returns:
        The result as "answer", or the LabError that ended the job as "refused".
    """
    try:
        if job["engine"]:
            from badwire.uml.guest import docker_engine  # few jobs need it, and an import takes time

            engine = docker_engine.start()
            job["environment"]["DOCKER_HOST"] = engine.address
        return {"answer": run(job)}
    except LabError as error:
        return {"refused": to_wire(error)}


def main() -> None:
    try:
        mount_file_systems()
        folder = Path(OUT, AUX)
        # Opened before the job runs, since the job may remove the file; the lab outside has it open too.
        answer_file = os.open(folder / "answer", os.O_WRONLY)
        text = (folder / "job.json").read_text()
        job = json.loads(text)
        connect_output()
        wait_for_exact_timers()
        os.write(answer_file, b"began\n")
        for path in job["visible"]:
            make_visible(path)
        answer = json.dumps(answer_to(job))
        os.write(answer_file, answer.encode())
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        sys.stdout.flush()
        os.sync()
        libc.reboot(libc.POWER_OFF)
