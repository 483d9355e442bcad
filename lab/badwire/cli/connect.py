"""What the commands on a running lab share: the option --name, the connection to the lab, and this program's name."""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from badwire.cli.paths import relative
from badwire.session import registry
from badwire.session.connection import ControlConnection


def lab_name(value: str) -> str:
    """The argparse type of an argument that is the name of a lab."""
    if registry.NAME.fullmatch(value):
        return value
    raise argparse.ArgumentTypeError(
        f"{value!r} is not a valid name: use up to 31 lower-case letters, digits and hyphens, a letter first"
    )


def add_name(add: Callable[..., object]) -> None:
    """Add the option --name, which selects one of several labs."""
    add("--name", type=lab_name, default=registry.DEFAULT, metavar="NAME", help="the name of the lab (default: lab)")


def connect(name: str) -> ControlConnection:
    """Connect to a lab that is up, and warn on stderr if its record is incomplete.

    Raises:
        BadOption: no such lab is up.
        Timeout: the daemon of the lab does not answer.
    """
    connection, trouble = registry.connect(name)
    if trouble:
        print(f"badwire: {trouble}", file=sys.stderr)
    return connection


def program() -> str:
    """Return the command that starts this program in a shell.

    It is `badwire` if that name on the PATH is this program, otherwise its path, relative where possible.
    """
    own = Path(sys.executable).with_name("badwire")
    found = shutil.which("badwire")
    if found and own.exists() and os.path.samefile(found, own):
        return "badwire"
    if not own.exists():
        return f"{sys.executable} -m badwire"
    return relative(own)
