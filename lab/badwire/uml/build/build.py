"""Builds a kernel from a source and `kernel.config`, in the steps unpack, configure, compile, check, and cache.

A kernel that is already in the cache is not built again.
"""

import hashlib
import json
import math
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
from badwire.uml.build.sources import KernelSource
from badwire.uml.cache import BuiltKernel

STEPS = 1360  # steps that make reports for Linux 6.1 with kernel.config; 6.12 has 1,460, 7.3 has 1,530
OFTEN = 100  # steps from one line of progress to the next, where a line does not replace the last one
SHOWN = 3  # lines of make's output in the error; all of them are in the log
_STEP = re.compile(r"  [A-Z]+ +\S")
_ERROR_LINE = re.compile(r"\berror\b|\*\*\*|not found|No such file", re.IGNORECASE)
_NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded")
OnProgress = Callable[[str], None]


@dataclass
class Build:
    """One build, in a directory of its own.

    Attributes:
        source: the source tree or archive.
        scratch: an empty directory to build in.
        log: the file for the output of the build's programs.
        lock: the descriptor of the cache's lock, which these programs inherit.
        docker: whether Docker Engine is to run in the kernel.
        progress: called with a sentence as each step begins.
        began: when the build began, in seconds of the monotonic clock.
        steps: how many steps make has reported.
        compiling_since: when it reported the first, in seconds of the monotonic clock.
    """

    source: KernelSource
    scratch: Path
    log: IO[str]
    lock: int
    docker: bool
    progress: OnProgress
    began: float = field(default_factory=time.monotonic)
    steps: int = 0
    compiling_since: float = 0.0

    def run(self, key: str) -> Path:
        """Build the kernel and return its directory in the cache. Raises KernelError, DiskFull or OSError.

        Args:
            key: the digest of configuration and source, with which the directory's name ends.
        """
        (self.scratch / "tmp").mkdir()
        tree = self.source.path
        if self.source.archived:
            tree = self._unpack()
        version = sources.release(tree, self.source.path)
        out = self.scratch / "out"  # the compiler's working directory
        out.mkdir()
        kconfig = self.scratch / "Kconfig"
        kconfig.write_text(kernel_config.with_hz((tree / "Kconfig").read_text()))
        fragment = self.scratch / "fragment"
        fragment.write_text(kernel_config.fragment(docker=self.docker))
        header = cache.AROUND.name
        shutil.copyfile(cache.AROUND, out / header)
        make = [
            "make",
            "-C",
            str(tree),
            "ARCH=um",
            f"O={out}",
            f"KBUILD_KCONFIG={kconfig}",
            f"KCONFIG_ALLCONFIG={fragment}",
            f"CFLAGS_trap.o=-include {header}",
        ]
        self.progress(f"configuring Linux {version}")
        self._make([*make, "allnoconfig"])
        config = out / ".config"
        self._check_config(config.read_text(), version)
        processors = len(os.sched_getaffinity(0))
        self._make([*make, f"-j{processors}", "linux"])
        linux = out / "linux"
        release = _ask(linux, "--version").strip()
        self._check_config(_ask(linux, "--showconfig"), release)
        return self._store(linux, release, key)

    def _unpack(self) -> Path:
        """Unpack the archive and return its source tree. Raises KernelError or DiskFull."""
        archive = self.source.path
        self.progress(f"unpacking {archive}")
        folder = self.scratch / "source"
        folder.mkdir()
        argv = [
            "tar",
            "--extract",
            f"--file={archive}",
            f"--directory={folder}",
            "--no-same-owner",
            "--wildcards",
        ]
        for pattern in sources.UNREAD:
            argv.append(f"--exclude={pattern}")
        output: list[str] = []
        status = self._run(argv, output.append)
        if status:
            reason = output[0].strip() if output else "tar failed"
            raise KernelError(f"{archive} cannot be unpacked ({reason}); download it again, or name another source.")
        entries = list(folder.iterdir())
        is_in_folder_of_its_own = len(entries) == 1 and entries[0].is_dir()
        return entries[0] if is_in_folder_of_its_own else folder

    def _make(self, argv: list[str]) -> None:
        """Run make. Raises KernelError or DiskFull if it fails."""
        output: list[str] = []
        status = self._run(argv, output.append)
        if status == 0:
            return
        self.log.flush()
        log = cache.root() / "build.log"
        (self.scratch / "log").replace(log)
        errors = _errors(output)
        raise KernelError(
            f"The kernel could not be built from {self.source.path}: make ended with status {status}"
            f" ({errors}); see {log}, or name another source."
        )

    def _run(self, argv: list[str], on_line: Callable[[str], None]) -> int:
        """Run a command and return its exit status; log each line, pass it to ``on_line``, and count make's steps.

        Raises:
            DiskFull: the command failed, and its output says that the disk is full.
        """
        is_full = False

        def handle(line: str) -> None:
            nonlocal is_full
            print(line, file=self.log)
            if _NO_ROOM.search(line):
                is_full = True
            on_line(line)
            if _STEP.match(line):
                self._count_step()

        environment = child_process.environment(self.scratch / "tmp")
        status = child_process.run(argv, environment, self.lock, handle)
        if status and is_full:
            raise cache.full()
        return status

    def _count_step(self) -> None:
        """Count a step. Report each one if ``progress`` replaces its last line, as Progress does on a terminal."""
        self.steps += 1
        if self.steps == 1:
            self.compiling_since = time.monotonic()
        replaces_line = getattr(self.progress, "updating", False)
        if not replaces_line and self.steps % OFTEN != 0:
            return
        total = f" of about {STEPS}" if self.steps <= STEPS else ""
        left = self._time_left() if total else ""
        self.progress(f"building the kernel: {self.steps}{total} files{left}")

    def _time_left(self) -> str:
        """How long the build will still take at the rate of the steps so far; empty before there are OFTEN steps."""
        if self.steps < OFTEN:
            return ""
        rate = self.steps / (time.monotonic() - self.compiling_since)
        minutes = math.ceil((STEPS - self.steps) / rate / 60)
        return f", about {minutes} min left"

    def _check_config(self, config: str, version: str) -> None:
        """Raise KernelError if a configuration lacks an option of the fragments."""
        fragment = kernel_config.fragment(docker=self.docker)
        lacking = kernel_config.lacking(fragment, config)
        if not lacking:
            return
        names = ", ".join(lacking)
        source = self.source.path
        raise KernelError(
            f"Linux {version} of {source} cannot have {names}, which the lab's kernel needs;"
            f" name another source, such as Debian's {sources.PACKAGE}."
        )

    def _store(self, linux: Path, release: str, key: str) -> Path:
        """Move the kernel and its configuration into the cache atomically. Raises KernelError or OSError."""
        kernel = self.scratch / "kernel"
        kernel.mkdir()
        linux.rename(kernel / "linux")
        config = kernel / "config"
        (self.scratch / "out" / ".config").rename(config)
        preload.make(kernel)
        options = kernel_config.options(config.read_text())
        compiler = options.get("CONFIG_CC_VERSION_TEXT", "")
        seconds = time.monotonic() - self.began
        about = {
            "release": release,
            "source": str(self.source.path),
            "compiler": compiler.strip('"'),
            "machine": os.uname().machine,
            "configuration": cache.configuration(docker=self.docker),
            "docker": self.docker,
            "key": key,
            "seconds": round(seconds),
        }
        text = json.dumps(about, indent=2)
        (kernel / cache.ABOUT).write_text(text + "\n")
        folder = cache.root() / f"{release}-{key}"
        return kernel.rename(folder)


def _errors(output: list[str]) -> str:
    """The first SHOWN lines with an error, or the last SHOWN lines if there is none, as one line."""
    lines = []
    for line in output:
        if _ERROR_LINE.search(line):
            lines.append(line.strip())
    if lines:
        return " | ".join(lines[:SHOWN])
    last_lines = [line.strip() for line in output[-SHOWN:]]
    return " | ".join(last_lines)


def _ask(linux: Path, question: str) -> str:
    """The kernel's answer to an option such as ``--version``, which it prints without booting."""
    done = subprocess.run(
        [linux, question],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def build(
    source: KernelSource | None, progress: OnProgress, machine: str | None = None, *, docker: bool = True
) -> BuiltKernel:
    """Build the kernel from a source, unless the cache has it, and make it the kernel that runs use.

    Args:
        source: the source; None if there is none, then the kernel in the cache is returned.
        progress: called with a sentence as each step begins.
        machine: the architecture, as uname(1) prints it; None for this machine's.
        docker: whether Docker Engine is to run in the kernel. Without, a build takes about a quarter less.

    Raises:
        KernelError: the kernel cannot be built, or there is neither a source nor a kernel.
        DiskFull: there is not enough room.
    """
    requirements.check_machine(machine)
    if source is None:
        cached = cache.ready_kernel()
        if cached is None:
            raise requirements.lack(requirements.missing(None))
        return cached
    with cache.exclusive(progress) as lock:
        _check_directory(cache.root())
        if not source.archived:
            sources.release(source.path, source.path)
        progress(f"reading {source.path}")
        key = _key(source, docker)
        folder = _find(key)
        if folder is None:
            _check_resources(source)
            with cache.building() as scratch:
                folder = _build(source, scratch, lock, progress, key, docker)
        return cache.make_current(folder)


def _build(source: KernelSource, scratch: Path, lock: int, progress: OnProgress, key: str, docker: bool) -> Path:
    with (scratch / "log").open("w") as log:
        work = Build(
            source=source,
            scratch=scratch,
            log=log,
            lock=lock,
            docker=docker,
            progress=progress,
        )
        return work.run(key)


def _check_directory(folder: Path) -> None:
    """Raise KernelError if a kernel cannot be built in the directory."""
    reason = requirements.unsuitable(folder)
    if reason:
        raise KernelError(f"The kernel cannot be built in {folder}, which {reason}; set XDG_CACHE_HOME to another one.")


def _key(source: KernelSource, docker: bool) -> str:
    """A digest, 12 hexadecimal digits, of the configuration and the source."""
    text = f"{cache.configuration(docker=docker)} {source.digest()}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _find(key: str) -> Path | None:
    """The directory of the kernel in the cache whose name ends with ``key``; None if there is none."""
    pattern = f"[!.]*-{key}/{cache.ABOUT}"
    for about in cache.root().glob(pattern):
        return about.parent
    return None


def _check_resources(source: KernelSource) -> None:
    """Raise KernelError if a program for the build is missing, and DiskFull if there is not enough room."""
    missing = requirements.missing(source)
    if missing:
        raise requirements.lack(missing)
    free = shutil.disk_usage(cache.root()).free
    if free < requirements.room(source):
        raise cache.full()
