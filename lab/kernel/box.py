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

from lab import errors
from lab.kernel import memory
from lab.kernel.console import why_it_ended
from lab.kernel.engine_cow import Disk
from lab.kernel.follow import Heard, follow
from lab.kernel.kernels import Kernel
from lab.kernel.places import ENVIRONMENT, PROJECT
from lab.kernel.processor import a_processor
from lab.kernel.words import AUX, OUT
from lab.options import LIMIT, MEMORY

STARTS_AT = 1_700_000_000  # s since 1970; the job's clock on the wall always starts here, since it is not the wall's
_FD = 100  # where seed.c puts the descriptors of the job's output
_SHARED_MEMORY = Path("/dev/shm")


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
            MachineError: it could not be booted here.
            LabError: what the job itself raised.
        """
        aux = self.folder.resolve() / AUX
        aux.mkdir(exist_ok=True)
        (aux / "job.json").write_text(json.dumps(vars(job)))
        answer, refusal = aux / "answer.json", aux / "refusal.json"
        for file in (answer, refusal):
            file.unlink(missing_ok=True)
        with ExitStack() as undo:
            files = {
                name: undo.enter_context((aux / name).open("wb", buffering=0))
                for name in ("console", "stdout", "stderr")
            }
            undo.callback(shutil.rmtree, aux / "uml", ignore_errors=True)
            process = subprocess.Popen(
                self._command(),
                executable=self.kernel.linux,
                env={
                    "NETLAB_STDOUT": str(files["stdout"].fileno()),
                    "NETLAB_STDERR": str(files["stderr"].fileno()),
                    **self._environment(undo.enter_context(a_processor())),
                },
                stdin=subprocess.DEVNULL,
                stdout=files["console"],
                stderr=subprocess.STDOUT,
                pass_fds=[
                    *(file.fileno() for file in files.values()),
                    *(fd for disk in self.disks for fd in disk.files),
                ],
                start_new_session=True,  # Ctrl-C is for the lab
                cwd=self.folder,  # what is named on the command line is named from here
            )
            undo.callback(process.wait)
            undo.callback(process.kill)
            ended = follow(process, {name: aux / name for name in ("stdout", "stderr")}, heard, self.limit)
        if refusal.exists():
            name, text = json.loads(refusal.read_text())
            raise getattr(errors, name)(text.replace(OUT, str(self.folder)))
        if answer.exists():
            return json.loads(answer.read_text())
        raise why_it_ended(aux / "console", self.limit if not ended else None, process.returncode, self.memory)

    def _command(self) -> list[str]:
        """The kernel draws its randomness from this too: nothing that names the run may stand here."""
        return [
            "linux",
            f"mem={self.memory}M",
            "time-travel=inf-cpu",
            f"time-travel-start={STARTS_AT * 10**9}",
            *("root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro"),
            *("oops=panic", "quiet"),
            *("con=null", "con0=null,fd:1", f"con1=null,fd:{_FD}", f"con2=null,fd:{_FD + 1}"),
            f"uml_dir={AUX}/uml",
            *(f"ubd{number}={disk.name}" for number, disk in enumerate(self.disks)),
            f"init={sys.executable}",
            f"PYTHONPATH={PROJECT}",
            *("PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1"),
            *(f"{name}={value}" for name, value in memory.SETTINGS.items()),
            *("--", "-m", "lab.kernel.inside"),
        ]

    def _environment(self, cpu: int | None) -> dict[str, str]:
        """What `seed.c` reads, and where the memory's file lies."""
        roomy = _SHARED_MEMORY.is_dir() and shutil.disk_usage(_SHARED_MEMORY).free > self.memory << 20
        return {
            "LD_PRELOAD": str(self.kernel.seed),
            "NETLAB_SEED": str(self.seed),
            "NETLAB_PARENT": str(os.getpid()),
            **({} if cpu is None else {"NETLAB_CPU": str(cpu)}),
            "TMPDIR": str(_SHARED_MEMORY if roomy else self.folder.resolve() / AUX),
            "PATH": os.environ.get("PATH", os.defpath),
        }
