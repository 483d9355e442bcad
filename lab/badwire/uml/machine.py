"""The lab's own kernel, booted around one job: a process of this machine that nothing outlives.

What the job sees: this machine's files, read-only; a fresh /tmp, /run and /dev/shm; one folder of this machine,
writable, at /run/out. `inside` is its PID 1.

Waits for a process and passes on what it writes to files, as it is written: inotify tells when.

Files and not pipes: the kernel of the virtual clock is woken when a pipe has room again, at whatever moment of real
time that happens to be, and then no two runs of it are the same.

What a kernel leaves in its run's folder, held by descriptors: a job may do with its folder what it likes.

A processor for a kernel of ours: on one of them it is more than twice as quick as on two (see preload.c).

What a job in the kernel writes, for whoever waits outside.
"""

import json
import os
import select
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
from badwire.uml.cache import Kernel
from badwire.uml.cow_disk import Disk
from badwire.uml.failure import End, doing, short_of_memory
from badwire.uml.guest import memory as guest_memory
from badwire.uml.paths import AUX, ENVIRONMENT, outside
from badwire.util import locks, project

_CHUNK = 1 << 16
Heard = Callable[[str, bytes], None]


def follow(process: "subprocess.Popen[bytes]", files: Mapping[str, Path], heard: Heard, limit: float) -> bool:
    """Call ``heard`` with a file's name and each piece that is added to it, until the process ends; True if it did.

    False after ``limit`` seconds.
    """
    until = time.monotonic() + limit
    with ExitStack() as undo:
        notices = libc.inotify_init()
        undo.callback(os.close, notices)
        readers = {}
        for name, path in files.items():
            libc.inotify_add_watch(notices, str(path), libc.IN_MODIFY)
            readers[name] = undo.enter_context(path.open("rb", buffering=0))
        ended = os.pidfd_open(process.pid)
        undo.callback(os.close, ended)
        poll = select.poll()
        for fd in (notices, ended):
            poll.register(fd, select.POLLIN)
        while True:
            ready = dict(poll.poll(max(0.0, until - time.monotonic()) * 1000))
            if notices in ready:
                os.read(notices, _CHUNK)
            for name, reader in readers.items():
                while data := reader.read(_CHUNK):
                    heard(name, data)
            if ended in ready or not ready:
                return ended in ready


_ROOM = 1 << 16  # bytes; more than the kernel's own small files took, which are gone when it has ended


def console_of(folder: Path) -> Path:
    """The file that keeps what a kernel with that folder wrote on its console."""
    return folder.resolve() / AUX / "console"


@contextmanager
def taken(folder: Path) -> Iterator[int]:
    """A descriptor of the folder, which belongs to this run alone meanwhile. Raises BadOption."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not locks.try_lock(held):
            raise BadOption(f"Another kernel runs with the folder {folder.parent}; name another with --out.")
        yield held
    finally:
        os.close(held)


def all_of(file: FileIO) -> str:
    """What is in the file."""
    file.seek(0)
    return file.read().decode(errors="replace")


def is_full(file: FileIO) -> bool:
    """Whether its disk is so full that something may not have been written, found out by trying."""
    end = file.seek(0, os.SEEK_END)
    try:
        return file.write(bytes(_ROOM)) < _ROOM
    except OSError:
        return True
    finally:
        file.truncate(end)


@contextmanager
def a_processor() -> Iterator[int | None]:
    """The number of a processor that no other run of ours has, held until the block ends; None when all are taken.

    Taken is a name among the abstract Unix sockets, which the machine's kernel frees when its holder ends, however.
    """
    for number in sorted(os.sched_getaffinity(0)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as held:
            try:
                held.bind(f"\0badwire-processor-{number}")
            except OSError:
                continue
            yield number
            return
    yield None


STARTS_AT = 1_700_000_000  # s since 1970; the job's clock on the wall always starts here, since it is not the wall's
_FD = 100  # where preload.c puts the descriptors of the job's output
_FILES = ("console", "stdout", "stderr", "answer")
_LONGEST = 4096  # bytes of a command line, arch/um/include/asm/setup.h


@dataclass(frozen=True)
class Job:
    """What the kernel is booted for: a ``command`` in a folder, or a call of ``module.function(**arguments)``.

    ``visible`` are paths that must be there although they may lie below /tmp or /run.
    """

    command: Sequence[str] = ()
    cwd: str = "/"
    environment: Mapping[str, str] = field(default_factory=lambda: dict(ENVIRONMENT))
    call: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    visible: Sequence[str] = ()
    engine: bool = False  # a Docker Engine is started before the job


@dataclass(frozen=True)
class Box:
    """How the kernel is booted. ``folder`` is writable inside; ``limit`` is in seconds of real time, ``memory`` in MB.

    ``disks`` are its block devices, from /dev/ubda on.
    """

    kernel: Kernel
    folder: Path
    seed: int = 1
    memory: int = MEMORY
    limit: float = LIMIT
    disks: Sequence[Disk] = ()

    def run(self, job: Job, heard: Heard) -> Any:
        """Boot, do the job, halt: what the job answered, or the exit status of its command.

        ``heard`` gets what the job writes, as it comes: "stdout" or "stderr", and bytes.

        Raises:
            RunError: the kernel ended before the job did, or the limit was over.
            MachineError: it could not be booted here, or the folder cannot be written.
            RequestError: another run has this folder, or a path is one that no kernel takes.
            LabError: what the job itself raised.
        """
        command, aux = self._command(), self.folder.resolve() / AUX
        with ExitStack() as undo:
            with run_folder.writing(self.folder, whatever=True):
                aux.mkdir(exist_ok=True)
                held = undo.enter_context(taken(aux))
                (aux / "job.json").write_text(json.dumps(vars(job)))
                files = {name: undo.enter_context((aux / name).open("w+b", buffering=0)) for name in _FILES}
            # Not by its path, which the job may have turned into a link to another place.
            undo.callback(shutil.rmtree, "uml", dir_fd=held, ignore_errors=True)
            environment = {
                "BADWIRE_STDOUT": str(files["stdout"].fileno()),
                "BADWIRE_STDERR": str(files["stderr"].fileno()),
                **self._environment(undo.enter_context(a_processor())),
            }
            try:
                process = subprocess.Popen(
                    command,
                    executable=self.kernel.linux,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=files["console"],
                    stderr=subprocess.STDOUT,
                    pass_fds=[
                        *(files[name].fileno() for name in _FILES),
                        *(fd for disk in self.disks for fd in disk.files),
                    ],
                    start_new_session=True,  # Ctrl-C is for the lab
                    cwd=self.folder,  # what is named on the command line is named from here
                )
            except OSError as error:
                raise KernelError(
                    f"The virtual clock's kernel cannot be started: {error.strerror} ({error.filename}); mend that, or"
                    " have it elsewhere (XDG_CACHE_HOME)."
                ) from error
            undo.callback(process.wait)
            undo.callback(process.kill)
            ended = follow(process, {name: aux / name for name in ("stdout", "stderr")}, heard, self.limit)
            state = "" if ended else doing(process.pid)
            # From the descriptors: a job may remove every file in its folder.
            console, answer = (all_of(files[name]) for name in ("console", "answer"))
            full = is_full(files["console"])
        began, _, said = answer.partition("\n")
        if said and not (full and "answer" in said):
            return self._answered(json.loads(said), heard, short_of_memory(console, self.memory))
        if full:  # what the job wrote may have been cut short
            raise DiskFull(f"The run's folder {self.folder} is on a full disk; make room, or name another with --out.")
        limit = None if ended else self.limit
        raise End(console, console_of(self.folder), bool(began), process.returncode, self.memory, limit, state).error()

    def _answered(self, said: dict[str, Any], heard: Heard, short: str | None) -> Any:
        """The answer, or the error that the job ended with."""
        if "answer" in said:
            if short:
                heard("stderr", f"badwire: {short}\n".encode())
            return said["answer"]
        raise from_wire(outside(said["refused"], self.folder))

    def _command(self) -> list[str]:
        """The kernel draws its randomness from this too: nothing that names the run may stand here."""
        line = [
            "linux",
            f"mem={self.memory}M",
            "time-travel=inf-cpu",
            f"time-travel-start={STARTS_AT * 10**9}",
            *("root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro"),
            *("oops=panic", "quiet"),
            "random.trust_cpu=1",  # else it gathers randomness from its own jitter, a quarter of a second for each run
            *("con=null", "con0=null,fd:1", f"con1=null,fd:{_FD}", f"con2=null,fd:{_FD + 1}"),
            f"uml_dir={AUX}/uml",
            *(f"ubd{number}={disk.name}" for number, disk in enumerate(self.disks)),
            f"init={_quoted(sys.executable)}",
            f"PYTHONPATH={_quoted(str(project.IMPORTED_FROM))}",
            *("PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1"),
            *(f"{name}={value}" for name, value in guest_memory.SETTINGS.items()),
            *("--", "-P", "-m", "badwire.uml.guest.init"),
        ]
        if sum(len(os.fsencode(word)) + 1 for word in line) > _LONGEST - 100:  # the kernel adds a console
            raise BadOption("The paths of this Python and of the lab are too long for a kernel; put them elsewhere.")
        return line

    def _environment(self, cpu: int | None) -> dict[str, str]:
        """What `preload.c` reads."""
        return {
            "LD_PRELOAD": str(self.kernel.seed),
            "BADWIRE_SEED": str(self.seed),
            "BADWIRE_PARENT": str(os.getpid()),
            **({} if cpu is None else {"BADWIRE_CPU": str(cpu)}),
            "PATH": os.devnull,  # where a kernel that is told to reboot looks for a program "linux", and finds none
        }


def _quoted(path: str) -> str:
    """A path on the kernel's command line. Raises BadOption for one that cannot stand there."""
    if set(path) & set('":'):
        raise BadOption(
            f"The virtual clock cannot use {path}, since a kernel takes no path with a quote or a colon; move it."
        )
    return f'"{path}"'


class Lines:
    """Collects pieces of standard error and passes on whole lines; standard output is passed on as it is."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._rest = b""

    def take(self, name: str, data: bytes) -> None:
        """A piece of "stdout" or "stderr"."""
        if name == "stdout":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._tell(line.decode("utf-8", "backslashreplace"))
