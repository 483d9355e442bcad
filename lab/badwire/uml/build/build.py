"""Builds a kernel from a source and `kernel.config`, in the steps unpack, configure, compile, check, and cache.

A kernel that is already in the cache is not built again.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from badwire.errors import KernelError
from badwire.uml import cache, kernel_config, preload
from badwire.uml.build import child_process, requirements, sources
from badwire.uml.build.sources import Source
from badwire.uml.cache import Kernel

STEPS = 1360  # steps that make reports for Linux 6.1 with kernel.config; 6.12 has 1,460, 7.3 has 1,530
OFTEN = 100  # steps from one line of progress to the next, where a line does not replace the last one
SHOWN = 3  # lines of make's output in the error; all of them are in the log
_STEP = re.compile(r"  [A-Z]+ +\S")
_WRONG = re.compile(r"\berror\b|\*\*\*|not found|No such file", re.IGNORECASE)
_NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded")
Tell = Callable[[str], None]


@dataclass
class Work:
    """One build, in a directory of its own.

    Attributes:
        source: the source tree or archive.
        scratch: an empty directory to build in.
        log: the file for the output of the build's programs.
        lock: the descriptor of the cache's lock, which these programs inherit.
        tell: called with each step of the progress.
        began: when the build began, in seconds of the monotonic clock.
        steps: how many steps make has reported.
    """

    source: Source
    scratch: Path
    log: IO[str]
    lock: int
    tell: Tell
    began: float = field(default_factory=time.monotonic)
    steps: int = 0

    def do(self, key: str) -> Path:
        """Build the kernel and return its folder in the cache. Raises KernelError, DiskFull or OSError.

        Args:
            key: the digest of configuration and source, with which the folder's name ends.
        """
        (self.scratch / "tmp").mkdir()
        tree = self._unpacked() if self.source.archived else self.source.path
        version = sources.release(tree, self.source.path)
        out = self.scratch / "out"
        out.mkdir()
        shutil.copyfile(cache.AROUND, out / cache.AROUND.name)  # the compiler's working directory
        make = ["make", "-C", str(tree), "ARCH=um", f"O={out}", f"KCONFIG_ALLCONFIG={kernel_config.FRAGMENT}"]
        make.append(f"CFLAGS_trap.o=-include {cache.AROUND.name}")
        self.tell(f"configuring Linux {version}")
        self._run([*make, "allnoconfig"])
        self._demand((out / ".config").read_text(), version)
        self._run([*make, f"-j{len(os.sched_getaffinity(0))}", "linux"])
        linux = out / "linux"
        release = _ask(linux, "--version").strip()
        self._demand(_ask(linux, "--showconfig"), release)
        return self._kept(linux, release, key)

    def _unpacked(self) -> Path:
        """Unpack the archive and return its source tree. Raises KernelError or DiskFull."""
        self.tell(f"unpacking {self.source.path}")
        folder = self.scratch / "source"
        folder.mkdir()
        argv = ["tar", "--extract", f"--file={self.source.path}", f"--directory={folder}"]
        argv += ["--no-same-owner", "--wildcards", *(f"--exclude={pattern}" for pattern in sources.UNREAD)]
        said: list[str] = []
        if self._child(argv, said.append):
            why = next(iter(said), "tar failed").strip()
            raise KernelError(f"{self.source.path} cannot be unpacked ({why}); get it again, or name another source.")
        inside = list(folder.iterdir())
        return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder

    def _run(self, argv: list[str]) -> None:
        """Run make. Raises KernelError or DiskFull if it fails."""
        said: list[str] = []
        status = self._child(argv, said.append)
        if status == 0:
            return
        self.log.flush()
        kept = (self.scratch / "log").replace(cache.root() / "build.log")
        wrong = [line for line in said if _WRONG.search(line)] or said[-SHOWN:]
        raise KernelError(
            f"The kernel could not be built from {self.source.path}: make ended with status {status}"
            f" ({' | '.join(line.strip() for line in wrong[:SHOWN])}); look at {kept}, or name another source."
        )

    def _child(self, argv: list[str], heard: Callable[[str], None]) -> int:
        """Run a command and return its exit status; log each line, pass it to ``heard``, and count make's steps.

        Raises:
            DiskFull: the command failed, and its output says that the disk is full.
        """
        full = False

        def line(text: str) -> None:
            nonlocal full
            print(text, file=self.log)
            full = full or _NO_ROOM.search(text) is not None
            heard(text)
            if _STEP.match(text):
                self._step()

        status = child_process.run(argv, child_process.environment(self.scratch / "tmp"), self.lock, line)
        if status and full:
            raise cache.full()
        return status

    def _step(self) -> None:
        """Count a step. Report each one if ``tell`` replaces its last line, as Progress does on a terminal."""
        self.steps += 1
        if self.steps % OFTEN == 0 or getattr(self.tell, "updating", False):
            whole = f" of about {STEPS}" if self.steps <= STEPS else ""
            self.tell(f"building the kernel: {self.steps}{whole} files")

    def _demand(self, config: str, version: str) -> None:
        """Raise KernelError if a configuration lacks an option of the fragment."""
        if lacking := kernel_config.lacking(kernel_config.FRAGMENT.read_text(), config):
            raise KernelError(
                f"Linux {version} of {self.source.path} cannot have {', '.join(lacking)}, which the lab's kernel needs;"
                f" name another source, such as Debian's {sources.PACKAGE}."
            )

    def _kept(self, linux: Path, release: str, key: str) -> Path:
        """Move the kernel and its configuration into the cache atomically. Raises KernelError or OSError."""
        kernel = self.scratch / "kernel"
        kernel.mkdir()
        linux.rename(kernel / "linux")
        config = (self.scratch / "out" / ".config").rename(kernel / "config").read_text()
        preload.make(kernel)
        about = {
            "release": release,
            "source": str(self.source.path),
            "compiler": kernel_config.options(config).get("CONFIG_CC_VERSION_TEXT", "").strip('"'),
            "seconds": round(time.monotonic() - self.began),
        }
        (kernel / cache.ABOUT).write_text(json.dumps(about, indent=2) + "\n")
        return kernel.rename(cache.root() / f"{release}-{key}")


def _ask(linux: Path, question: str) -> str:
    """The kernel's answer to an option such as ``--version``, which it prints without booting."""
    return subprocess.run(
        [linux, question], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    ).stdout


def build(source: Source | None, tell: Tell, machine: str | None = None) -> Kernel:
    """Build the kernel from a source, unless the cache has it, and make it the kernel that runs use.

    Args:
        source: the source; None if there is none, then the kernel in the cache is returned.
        tell: called with each step of the progress.
        machine: the architecture, as uname(1) prints it; None for this machine's.

    Raises:
        KernelError: the kernel cannot be built, or there is neither a source nor a kernel.
        DiskFull: there is not enough room.
    """
    requirements.check_machine(machine)
    if source is None:
        if there := cache.cached():
            return there
        raise requirements.lack(requirements.missing(None))
    with cache.turn(tell) as lock:
        if why := requirements.unsuitable(cache.root()):
            raise KernelError(f"The kernel cannot be built in {cache.root()}, which {why}; set XDG_CACHE_HOME.")
        if not source.archived:
            sources.release(source.path, source.path)
        tell(f"reading {source.path}")
        key = hashlib.sha256(f"{cache.configuration()} {source.digest()}".encode()).hexdigest()[:12]
        folder = next((about.parent for about in cache.root().glob(f"[!.]*-{key}/{cache.ABOUT}")), None)
        if folder is None:
            if lacking := requirements.missing(source):
                raise requirements.lack(lacking)
            if shutil.disk_usage(cache.root()).free < requirements.room(source):
                raise cache.full()
            with cache.building() as scratch, (scratch / "log").open("w") as log:
                folder = Work(source, scratch, log, lock, tell).do(key)
        kernel = Kernel(folder)
        if not kernel.seed.exists():
            preload.make(folder)
        os.utime(folder)
        cache.link(cache.current(), folder.name)
        cache.forget_old()
    return kernel
