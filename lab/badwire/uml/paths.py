"""What the lab outside of its own kernel and the lab inside must call by the same name.

What a job in the kernel finds of its user's surroundings.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from badwire.errors import BadOption
from badwire.options import CLOCK
from badwire.util import project

OUT = "/run/out"  # the writable folder, as the job sees it: the same in every run, so that no record names the run
AUX = "kernel"  # folder in the run's folder for what the kernel itself leaves: console, job, output


ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",  # else the order of a set is another one in each run
    "PYTHONDONTWRITEBYTECODE": "1",  # what is not the job's is read-only
    CLOCK: "virtual",
}
"""Of every job, whatever the user's own environment is: no run shall depend on it."""


def environment(users: Mapping[str, str]) -> dict[str, str]:
    """The user's environment for a command of the user's, with what the kernel needs in it."""
    ours = {name: ENVIRONMENT[name] for name in ("PYTHONDONTWRITEBYTECODE", CLOCK)}
    plain = {} if sys.stdout.isatty() else {"TERM": "dumb"}  # inside, output is to a terminal in any case
    return {**ENVIRONMENT, **users, **ours, **plain}


def here() -> str:
    """The folder that the user stands in. Raises BadOption if it is gone."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise BadOption("The folder that you stand in was removed; cd to another.") from None


def places(*more: str | Path) -> list[str]:
    """Folders that a job needs wherever they are: this Python, the lab, where the user stands, and ``more``."""
    return [
        str(Path(place).resolve())
        for place in (sys.prefix, sys.base_prefix, project.IMPORTED_FROM, project.ROOT, here(), *more)
    ]


def outside(message: Mapping[str, str], folder: Path) -> dict[str, str]:
    """An error that was sent from inside, with the run's folder as it is called on this machine."""
    return {key: value.replace(OUT, str(folder)) for key, value in message.items()}
