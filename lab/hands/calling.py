"""What the commands share: the option that names a lab, a line to it, and how a user calls this program."""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from lab.hands import place
from lab.hands.line import Line


def lab_name(value: str) -> str:
    """A name that a lab can have."""
    if place.NAME.fullmatch(value):
        return value
    raise argparse.ArgumentTypeError(
        f"{value!r} is no name: up to 31 small letters, digits and hyphens, a letter first"
    )


def add_name(add: Callable[..., object]) -> None:
    """The option that says which lab is meant, where there are several."""
    add("--name", type=lab_name, default=place.DEFAULT, metavar="NAME", help="of one lab among several (lab)")


def reach(name: str) -> Line:
    """A line to a lab that is up; what keeps its record from being whole is told. Raises BadOption, Timeout."""
    line, trouble = place.reach(name)
    if trouble:
        print(f"lab: {trouble}", file=sys.stderr)
    return line


def program() -> str:
    """What calls this program: its name where that finds it, else its path, as short as it can be."""
    own = Path(sys.executable).with_name("lab")
    found = shutil.which("lab")
    if found and own.exists() and os.path.samefile(found, own):
        return "lab"
    if not own.exists():
        return f"{sys.executable} -m lab"
    return os.path.relpath(own) if own.is_relative_to(Path.cwd()) else str(own)
