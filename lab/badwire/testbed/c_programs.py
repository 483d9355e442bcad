"""The reference programs in C: compiled on this machine, once, and kept in the user's cache directory.

    badwire/programs/0123456789abcdef/NAME    a program, named like the one in Python; root's are in /var/cache

The digest is that of the sources, the compiler's version and its options. The programs are linked statically, so that
they run on any host, whatever its image has. All are compiled together, which takes a few seconds.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import DiskFull, MachineError, ProgramNotFound
from badwire.util import project, user_cache
from badwire.util.errnos import NO_SPACE

SOURCES = project.PROGRAMS / "c"
FOLDERS = (SOURCES, SOURCES / "faulty")  # no name is in both
COMPILER = "cc"
OPTIONS = ("-O2", "-Wall", "-Wextra", "-Werror", "-static", "-pthread")
_INSTALL = "install one (apt-get install gcc libc6-dev), or run the programs in Python (--lang python)"


@dataclass(frozen=True)
class CPrograms:
    """The compiled programs.

    Attributes:
        folder: where they are.
        compiler: the first line of ``cc --version``.
    """

    folder: Path
    compiler: str

    def path(self, name: str) -> Path:
        """The program of this name.

        Raises:
            ProgramNotFound: there is none.
        """
        found = self.folder / name
        if "/" in name or not found.is_file():
            raise ProgramNotFound(
                f"there is no reference program {name} in C, only {', '.join(names())}; name a program of your own by a"
                " path with a slash, or run the programs in Python (--lang python)"
            )
        return found


def names() -> list[str]:
    """The names of the programs that exist in C, sorted."""
    return sorted(source.stem for source in _sources())


def compiled(progress: Callable[[str], None]) -> CPrograms:
    """Compile the programs, unless they have been compiled before.

    Args:
        progress: called with a sentence if they are compiled.

    Raises:
        MachineError: there is no compiler, or it cannot compile them.
        DiskFull: the cache directory is on a full disk.
    """
    compiler = _version()
    programs = _cache()
    folder = programs / _digest(compiler)
    if not folder.is_dir():
        progress(f"compiling {len(names())} programs in C, once")
        try:
            _compile(programs, folder)
        except OSError as error:
            if error.errno in NO_SPACE:
                raise DiskFull(f"There is not enough room in {programs}; make room, or set XDG_CACHE_HOME.") from error
            raise MachineError(f"{programs} cannot be written ({error.strerror}); set XDG_CACHE_HOME.") from error
    return CPrograms(folder, compiler)


def _cache() -> Path:
    """The directory of all compiled programs, whether it exists or not."""
    cache = user_cache.root()
    if cache.is_relative_to("/root"):  # other users may not enter that, in a container either, and programs run as one
        cache = Path("/var/cache/badwire")
    return cache / "programs"


def _version() -> str:
    try:
        done = subprocess.run(
            [COMPILER, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        raise MachineError(f"--lang c needs a C compiler, and there is no {COMPILER}: {_INSTALL}.") from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise MachineError(
            f"--lang c needs a C compiler, and {COMPILER} does not work ({error}): {_INSTALL}."
        ) from None
    return done.stdout.partition("\n")[0]


def _sources() -> list[Path]:
    return [source for folder in FOLDERS for source in folder.glob("*.c")]


def _digest(compiler: str) -> str:
    digest = hashlib.sha256(repr((compiler, OPTIONS)).encode())
    for file in sorted([*_sources(), *SOURCES.glob("*.h")]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _compile(programs: Path, folder: Path) -> None:
    """Compile into a directory that appears when it is complete; other processes may do the same. Raises OSError."""
    programs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=programs, prefix=".") as part:
        complete = Path(part) / "complete"
        complete.mkdir()
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for _ in pool.map(lambda source: _compile_one(source, complete / source.stem), _sources()):
                pass
        try:
            complete.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first
                raise
    for former in programs.glob("[!.]*"):
        if former != folder and not _recent(former, folder):
            shutil.rmtree(former, ignore_errors=True)


def _recent(former: Path, folder: Path) -> bool:
    """Whether programs of other sources may be in use: they were compiled less than a week before these."""
    week = 7 * 86400  # seconds
    return folder.stat().st_mtime - former.stat().st_mtime < week


def _compile_one(source: Path, program: Path) -> None:
    argv = [COMPILER, *OPTIONS, "-o", str(program), str(source)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        cause = next((line for line in lines if "error: " in line), lines[-1])
        raise MachineError(f"{source.name} cannot be compiled ({cause}): {_INSTALL}.")
