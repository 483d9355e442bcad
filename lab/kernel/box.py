"""The lab's own kernel, booted around one job: a process of this machine that nothing outlives.

What the job sees: this machine's files, read-only; a fresh /tmp, /run and /dev/shm; one folder of this machine,
writable, at /run/out. `inside` is its PID 1.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import errors, runs
from lab.errors import BadOption, DiskFull, KernelError
from lab.kernel import memory
from lab.kernel.console import End, short_of_memory
from lab.kernel.doing import doing
from lab.kernel.engine_cow import Disk
from lab.kernel.follow import Heard, follow
from lab.kernel.kept import all_of, console_of, is_full, taken
from lab.kernel.kernels import Kernel
from lab.kernel.places import ENVIRONMENT, PROJECT
from lab.kernel.processor import a_processor
from lab.kernel.words import AUX, OUT
from lab.options import LIMIT, MEMORY

STARTS_AT = 1_700_000_000  # s since 1970; the job's clock on the wall always starts here, since it is not the wall's
_FD = 100  # where seed.c puts the descriptors of the job's output
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
            with runs.writing(self.folder, whatever=True):
                aux.mkdir(exist_ok=True)
                held = undo.enter_context(taken(aux))
                (aux / "job.json").write_text(json.dumps(vars(job)))
                files = {name: undo.enter_context((aux / name).open("w+b", buffering=0)) for name in _FILES}
            # Not by its path, which the job may have turned into a link to another place.
            undo.callback(shutil.rmtree, "uml", dir_fd=held, ignore_errors=True)
            environment = {
                "NETLAB_STDOUT": str(files["stdout"].fileno()),
                "NETLAB_STDERR": str(files["stderr"].fileno()),
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
                heard("stderr", f"lab: {short}\n".encode())
            return said["answer"]
        name, text = said["refused"]
        raise getattr(errors, name)(text.replace(OUT, str(self.folder)))

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
            f"PYTHONPATH={_quoted(str(PROJECT))}",
            *("PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1"),
            *(f"{name}={value}" for name, value in memory.SETTINGS.items()),
            *("--", "-m", "lab.kernel.first"),
        ]
        if sum(len(os.fsencode(word)) + 1 for word in line) > _LONGEST - 100:  # the kernel adds a console
            raise BadOption("The paths of this Python and of the lab are too long for a kernel; put them elsewhere.")
        return line

    def _environment(self, cpu: int | None) -> dict[str, str]:
        """What `seed.c` reads."""
        return {
            "LD_PRELOAD": str(self.kernel.seed),
            "NETLAB_SEED": str(self.seed),
            "NETLAB_PARENT": str(os.getpid()),
            **({} if cpu is None else {"NETLAB_CPU": str(cpu)}),
            "PATH": os.devnull,  # where a kernel that is told to reboot looks for a program "linux", and finds none
        }


def _quoted(path: str) -> str:
    """A path on the kernel's command line. Raises BadOption for one that cannot stand there."""
    if set(path) & set('":'):
        raise BadOption(
            f"The virtual clock cannot use {path}, since a kernel takes no path with a quote or a colon; move it."
        )
    return f'"{path}"'
