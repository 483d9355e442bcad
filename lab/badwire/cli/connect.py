"""What the commands share: the option that names a lab, a line to it, and how a user calls this program."""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from badwire.session import registry
from badwire.session.connection import Line


def lab_name(value: str) -> str:
    """A name that a lab can have."""
    if registry.NAME.fullmatch(value):
        return value
    raise argparse.ArgumentTypeError(
        f"{value!r} is no name: up to 31 small letters, digits and hyphens, a letter first"
    )


def add_name(add: Callable[..., object]) -> None:
    """The option that says which lab is meant, where there are several."""
    add("--name", type=lab_name, default=registry.DEFAULT, metavar="NAME", help="of one lab among several (lab)")


def reach(name: str) -> Line:
    """A line to a lab that is up; what keeps its record from being whole is told. Raises BadOption, Timeout."""
    line, trouble = registry.reach(name)
    if trouble:
        print(f"badwire: {trouble}", file=sys.stderr)
    return line


def program() -> str:
    """What calls this program: its name where that finds it, else its path, as short as it can be."""
    own = Path(sys.executable).with_name("badwire")
    found = shutil.which("badwire")
    if found and own.exists() and os.path.samefile(found, own):
        return "badwire"
    if not own.exists():
        return f"{sys.executable} -m badwire"
    return os.path.relpath(own) if own.is_relative_to(Path.cwd()) else str(own)
