"""Options of the command line: argparse, with every complaint as one sentence that names the way out."""

import argparse
import difflib
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from lab import choice, runs
from lab.errors import BadOption

CLOCKS = ("real", "virtual")
ENGINES = ("auto", "netem", "relay")


class Parser(argparse.ArgumentParser):
    """Raises BadOption in place of printing a usage and leaving."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(prog=f"lab {command}", description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raises BadOption: argparse's message, near names for an unknown option, and where options are explained."""
        if unknown := re.match(r"unrecognized arguments: (\S+)", message):
            word = unknown[1].split("=")[0]
            near = difflib.get_close_matches(word, [o for o in self._option_string_actions if o.startswith("--")], n=1)
            hint = f"did you mean {near[0]}?" if near else f"`{self.prog} --help` shows those that there are."
            raise BadOption(f"{self.prog} has no option {word}: {hint}")
        raise BadOption(f"{self.prog}: {message.removeprefix('argument ')}; `{self.prog} --help` explains.")


def one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    """An argument that is one of a few words."""

    def check(value: str) -> str:
        if value in names:
            return value
        near = difflib.get_close_matches(value, names, n=1)
        raise argparse.ArgumentTypeError(
            f"{value!r} is not known, did you mean {near[0]}" if near else f"{value!r} is none of {', '.join(names)}"
        )

    return check


def seed(value: str) -> int:
    """A whole number from 0 to 2**64 - 1."""
    if value.isascii() and value.isdigit() and int(value) < 2**64:
        return int(value)
    raise argparse.ArgumentTypeError(f"{value!r} is no whole number from 0 to 2^64 - 1")


def folder(value: str) -> Path:
    """A folder's path; an empty one would be the folder that one happens to stand in."""
    if not value:
        raise argparse.ArgumentTypeError("it is empty; name a folder")
    return Path(value)


def add_run_options(add: Callable[..., object], prefix: str = "--") -> None:
    """The options that say how a run is made; `add` is the add_argument of argparse, or pytest's addoption."""
    add(
        f"{prefix}substrate",
        type=one_of(choice.NAMES),
        default="auto",
        metavar="|".join(choice.NAMES),
        help="where hosts live; auto takes docker where an engine answers, else netns",
    )
    add(
        f"{prefix}clock",
        type=one_of(CLOCKS),
        default="real",
        metavar="|".join(CLOCKS),
        help="real time, or (with the next version) a kernel whose time jumps",
    )
    add(
        f"{prefix}engine",
        type=one_of(ENGINES),
        default="auto",
        metavar="|".join(ENGINES),
        help="what carries out the faults; auto takes netem where it can do all that is asked, else the relay",
    )
    add(f"{prefix}seed", type=seed, default=1, metavar="N", help="what the faults' random draws come from (1)")
    add(f"{prefix}out", type=folder, default=runs.DEFAULT, metavar="DIR", help="where run folders go (runs)")
