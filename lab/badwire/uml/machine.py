"""Boots the lab's own kernel for one job, as a process of this machine; nothing in it outlives that process.

The job sees this machine's files, read-only; /run and /dev/shm of its own, and a /tmp whose changes are discarded; and
one directory of this machine, writable, at /run/out. PID 1 is `badwire.uml.guest.init`.

The kernel writes its output to files, which are followed with inotify(7), and not to pipes: a kernel that writes to a
full pipe is woken when the pipe has room again, at an arbitrary moment of real time, and then no two runs are the same.

The files are held by their descriptors, since the job may remove or replace everything in its directory.
"""

import json
import os
import select
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

from badwire.errors import BadOption, DiskFull, KernelError, from_wire
from badwire.linux import libc
from badwire.options import LIMIT, MEMORY
from badwire.store import run_folder
from badwire.uml.cache import BuiltKernel
from badwire.uml.cow_disk import Disk
from badwire.uml.failure import KernelExit, SpinWatch, activity, short_of_memory
from badwire.uml.guest import memory as guest_memory
from badwire.uml.paths import AUX, ENVIRONMENT, outside
from badwire.util import locks, project

_CHUNK = 1 << 16  # bytes
_WATCH_EVERY = 1.0  # s of real time between two looks at what the programs compute
OnOutput = Callable[[str, bytes], None]


def follow(
    process: "subprocess.Popen[bytes]",
    files: Mapping[str, Path],
    on_output: OnOutput,
    limit: float,
    watch: SpinWatch | None = None,
) -> bool | None:
    """Follow the files that a process writes, until the process ends or ``limit`` seconds are over.

    Args:
        process: the process.
        files: the files by name.
        on_output: called with a file's name and each piece that is appended to it.
        limit: in seconds of real time.
        watch: tells when a program of the kernel stops its clock; None: that is not watched.

    Returns:
        Whether the process has ended; None if a program stops its clock.
    """
    until = time.monotonic() + limit
    with ExitStack() as undo:
        notices = libc.inotify_init()
        undo.callback(os.close, notices)
        readers: dict[str, FileIO] = {}
        for name, path in files.items():
            libc.inotify_add_watch(notices, str(path), libc.IN_MODIFY)
            readers[name] = undo.enter_context(path.open("rb", buffering=0))
        ended = os.pidfd_open(process.pid)
        undo.callback(os.close, ended)
        poll = select.poll()
        for fd in (notices, ended):
            poll.register(fd, select.POLLIN)
        while True:
            remaining = max(0.0, until - time.monotonic())
            pause = remaining if watch is None else min(remaining, _WATCH_EVERY)
            ready = dict(poll.poll(pause * 1000))
            if notices in ready:
                os.read(notices, _CHUNK)
            for name, reader in readers.items():
                while data := reader.read(_CHUNK):
                    on_output(name, data)
            if ended in ready:
                return True
            if watch is not None and watch.spins():
                return None
            if time.monotonic() >= until:
                return False


_ROOM = 1 << 16  # bytes; more than the kernel's own small files take, which are removed when it ends


def console_of(folder: Path) -> Path:
    """The file with the console of the kernel whose run has this folder."""
    return folder.resolve() / AUX / "console"


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """A descriptor of the directory, locked during the block. Raises BadOption if another kernel has the lock."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not locks.try_lock(descriptor):
            raise BadOption(f"Another kernel runs with the folder {folder.parent}; name another with --out.")
        yield descriptor
    finally:
        os.close(descriptor)


def contents(file: FileIO) -> str:
    """The contents of the file, from its beginning."""
    file.seek(0)
    data = file.read()
    return data.decode(errors="replace")


def is_full(file: FileIO) -> bool:
    """Whether the file's disk is so full that output may have been lost. Tries to write _ROOM bytes at its end."""
    end = file.seek(0, os.SEEK_END)
    try:
        return file.write(bytes(_ROOM)) < _ROOM
    except OSError:
        return True
    finally:
        file.truncate(end)


@contextmanager
def reserved_processor() -> Iterator[int | None]:
    """Reserve a processor of this machine during a ``with`` block: its number, or None when all are reserved.

    A kernel is more than twice as fast on one processor as on two (see preload.c). The reservation is the address of an
    abstract Unix socket (unix(7)), which the machine frees even if the process that holds it is killed.
    """
    for number in sorted(os.sched_getaffinity(0)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reservation:
            try:
                reservation.bind(f"\0badwire-processor-{number}")
            except OSError:
                continue
            yield number
            return
    yield None


STARTS_AT = 1_700_000_000  # s since 1970; CLOCK_REALTIME of every job starts at this time
_FD = 100  # the descriptor to which preload.c moves the job's stdout; its stderr is the next one
_FILES = ("console", "stdout", "stderr", "answer")
_SHELL = "/bin/sh"
_INIT = "init"  # the script, in the directory AUX


@dataclass(frozen=True)
class Job:
    """What the kernel is booted for: a command, or a call of a Python function.

    Attributes:
        command: the command and its arguments; ignored if there is a ``call``.
        cwd: the working directory.
        environment: all of the job's environment variables.
        call: the function as "module.function"; empty for a command.
        arguments: the function's keyword arguments, which must be JSON.
        visible: paths of this machine that the job must see even if they are below /run or /dev/shm.
        engine: whether a Docker Engine is started before the job.
    """

    command: Sequence[str] = ()
    cwd: str = "/"
    environment: Mapping[str, str] = field(default_factory=lambda: dict(ENVIRONMENT))
    call: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    visible: Sequence[str] = ()
    engine: bool = False


@dataclass(frozen=True)
class Machine:
    """A kernel with its settings, ready to be booted.

    Attributes:
        kernel: the kernel from the cache.
        folder: the directory of this machine that the job may write, at /run/out inside.
        seed: of the kernel's random numbers.
        memory: in MB.
        limit: how long the kernel may run, in seconds of real time.
        disks: its block devices, from /dev/ubda on.
        bytecode: the directory that PID 1 reads compiled modules from; None: from ``__pycache__`` beside the sources,
            and then a run also depends on what is there.
        ends_spinning: whether it is ended when a program computes and never sleeps.
    """

    kernel: BuiltKernel
    folder: Path
    seed: int = 1
    memory: int = MEMORY
    limit: float = LIMIT
    disks: Sequence[Disk] = ()
    bytecode: Path | None = None
    ends_spinning: bool = False

    def run(self, job: Job, on_output: OnOutput) -> Any:
        """Boot the kernel, run the job, and halt.

        Args:
            job: the job.
            on_output: called with "stdout" or "stderr" and each piece of bytes that the job writes.

        Returns:
            The function's return value, or the exit status of the command.

        Raises:
            ClockStopped: a program computes and never sleeps, and ``ends_spinning`` is set.
            RunError: the kernel ended before the job did, or ran into ``limit``.
            MachineError: the kernel cannot be booted on this machine, or the folder cannot be written.
            RequestError: another run uses this folder, or a path cannot be put on a kernel's command line.
            LabError: the job itself raised this error.
        """
        aux = self.folder.resolve() / AUX
        with ExitStack() as undo:
            with run_folder.writing(self.folder, any_error=True):
                aux.mkdir(exist_ok=True)
                directory = undo.enter_context(locked(aux))
                (aux / "job.json").write_text(json.dumps(vars(job)))
                (aux / _INIT).write_bytes(os.fsencode(_init_script(self.bytecode)))
                files = {}
                for name in _FILES:
                    file = (aux / name).open("w+b", buffering=0)
                    files[name] = undo.enter_context(file)
            # By the descriptor and not by the path, which the job may have replaced by a link to another directory.
            undo.callback(shutil.rmtree, "uml", dir_fd=directory, ignore_errors=True)
            processor = undo.enter_context(reserved_processor())
            process = self._start(files, processor)
            undo.callback(process.wait)
            undo.callback(process.kill)
            outputs = {name: aux / name for name in ("stdout", "stderr")}
            watch = SpinWatch(process.pid) if self.ends_spinning else None
            has_ended = follow(process, outputs, on_output, self.limit, watch)
            last_activity = activity(process.pid) if has_ended is False else ""
            # Read by the descriptors, since a job may remove every file in its folder.
            console = contents(files["console"])
            answer = contents(files["answer"])
            disk_is_full = is_full(files["console"])
        began, _, result = answer.partition("\n")
        may_be_cut_off = disk_is_full and "answer" in result
        if result and not may_be_cut_off:
            return self._answer(json.loads(result), on_output, short_of_memory(console, self.memory))
        if disk_is_full:
            raise DiskFull(f"The run's folder {self.folder} is on a full disk; make room, or name another with --out.")
        failure = KernelExit(
            console=console,
            console_file=console_of(self.folder),
            began=bool(began),
            status=process.returncode,
            memory=self.memory,
            limit=self.limit if has_ended is False else None,
            activity=last_activity,
            spins=has_ended is None,
        )
        raise failure.error()

    def _start(
        self,
        files: Mapping[str, FileIO],
        processor: int | None,
    ) -> "subprocess.Popen[bytes]":
        """Start the kernel's process. Raises KernelError."""
        inherited = [files[name].fileno() for name in _FILES]
        for disk in self.disks:
            inherited.extend(disk.files)
        try:
            return subprocess.Popen(
                self._command(),
                executable=self.kernel.linux,
                env=self._environment(files, processor),
                stdin=subprocess.DEVNULL,
                stdout=files["console"],
                stderr=subprocess.STDOUT,
                pass_fds=inherited,
                start_new_session=True,  # Ctrl-C must reach the lab only
                cwd=self.folder,  # paths on the kernel's command line are relative to it
            )
        except OSError as error:
            raise KernelError(
                f"The virtual clock's kernel cannot be started: {error.strerror} ({error.filename}); fix that, or"
                " keep it in another directory (XDG_CACHE_HOME)."
            ) from error

    def _answer(self, result: dict[str, Any], on_output: OnOutput, warning: str | None) -> Any:
        """Return the job's answer, or raise the error that the job ended with."""
        if "answer" not in result:
            raise from_wire(outside(result["refused"], self.folder))
        if warning:
            on_output("stderr", f"badwire: {warning}\n".encode())
        return result["answer"]

    def _command(self) -> list[str]:
        """The kernel's command line, without any path: the kernel seeds its random numbers with it."""
        disks = [f"ubd{number}={disk.name}" for number, disk in enumerate(self.disks)]
        return [
            "linux",
            f"mem={self.memory}M",
            "time-travel=inf-cpu",
            f"time-travel-start={STARTS_AT * 10**9}",
            "root=/dev/root",
            "rootfstype=hostfs",
            "rootflags=/",
            "ro",
            "oops=panic",
            "quiet",
            "random.trust_cpu=1",  # else the kernel collects entropy from timing jitter for 0.25 s in each run
            "con=null",
            "con0=null,fd:1",
            f"con1=null,fd:{_FD}",
            f"con2=null,fd:{_FD + 1}",
            f"uml_dir={AUX}/uml",
            *disks,
            f"init={_SHELL}",
            "--",
            f"/proc/self/cwd/{AUX}/{_INIT}",  # in the kernel's working directory on the machine, whose /proc this is
        ]

    def _environment(self, files: Mapping[str, FileIO], processor: int | None) -> dict[str, str]:
        """The environment of the kernel's process, most of which preload.c reads."""
        environment = {
            "LD_PRELOAD": str(self.kernel.preload_library),
            "BADWIRE_STDOUT": str(files["stdout"].fileno()),
            "BADWIRE_STDERR": str(files["stderr"].fileno()),
            "BADWIRE_SEED": str(self.seed),
            "BADWIRE_PARENT": str(os.getpid()),
            "PATH": os.devnull,  # a kernel that reboots executes "linux" from the PATH; here it finds none and ends
        }
        if processor is not None:
            environment["BADWIRE_CPU"] = str(processor)
        return environment


def _init_script(bytecode: Path | None) -> str:
    """The shell script that starts PID 1, with its compiled modules. Raises BadOption if the lab's path has a colon."""
    packages = str(project.IMPORTED_FROM)
    if os.pathsep in packages:
        raise BadOption(
            f"The virtual clock cannot use {packages}, since PYTHONPATH takes no path with a colon; move it."
        )
    variables = {
        "PYTHONPATH": packages,
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        **guest_memory.SETTINGS,
    }
    if bytecode is not None:
        variables["PYTHONPYCACHEPREFIX"] = str(bytecode)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    python = shlex.join([sys.executable, "-P", "-m", "badwire.uml.guest.init"])
    return "\n".join([*lines, f"exec {python}", ""])


class OutputForwarder:
    """Passes on a job's output: standard output unchanged, and standard error to ``progress``, one line at a time."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._rest = b""

    def forward(self, name: str, data: bytes) -> None:
        """Pass on a piece of output; ``name`` is "stdout" or "stderr"."""
        if name == "stdout":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        received = self._rest + data
        *lines, self._rest = received.split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "backslashreplace")
            self._progress(text)
