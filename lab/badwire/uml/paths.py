"""Paths and environment variables on which the processes outside and inside the lab's own kernel must agree."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from badwire.options import CLOCK
from badwire.store import run_folder
from badwire.util import project

OUT = "/run/out"  # the run's folder as the job sees it: the same in every run, so that records do not differ by it
PROGRAMS = "/run/programs"  # the reference programs as the job sees them, in Python and in C: the same in every clone
C_PROGRAMS = "/run/programs_in_c"
SUBJECTS = "/run/subjects"  # the folders of programs under test, by the name of the program under test
AUX = "kernel"  # the subdirectory of the run's folder for the kernel's own files: console, job, output


ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",  # else the order of a set differs between runs
    "PYTHONDONTWRITEBYTECODE": "1",  # the directories of the modules are read-only
    CLOCK: "virtual",
}
"""The environment of every job. The user's own environment is left out, so that no run depends on it."""


def environment(users: Mapping[str, str]) -> dict[str, str]:
    """The environment of a user's command in the kernel: the user's own, with the variables that the kernel needs."""
    ours = {name: ENVIRONMENT[name] for name in ("PYTHONDONTWRITEBYTECODE", CLOCK)}
    variables = {**ENVIRONMENT, **users, **ours}
    if not sys.stdout.isatty():
        variables["TERM"] = "dumb"  # inside the kernel, output always goes to a terminal
    return variables


def here() -> str:
    """The current directory. Raises BadOption if it was removed."""
    run_folder.check_current_folder()
    return os.getcwd()


def visible_directories(*more: str | Path) -> list[str]:
    """The directories that every job must see: this Python, the lab, the current directory, and ``more``."""
    directories = [
        sys.prefix,
        sys.base_prefix,
        project.IMPORTED_FROM,
        project.ROOT,
        here(),
        *more,
    ]
    return [str(Path(directory).resolve()) for directory in directories]


def outside(message: Mapping[str, str], folder: Path) -> dict[str, str]:
    """An error from inside the kernel, as errors.to_wire makes it, with OUT replaced by the run's folder."""
    return {key: value.replace(OUT, str(folder)) for key, value in message.items()}
