"""Parses the options of the command line with argparse, and turns its errors into sentences that name a way out."""

import argparse
import difflib
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from badwire.errors import BadOption
from badwire.options import CLOCKS, ENGINES, LEAST_MEMORY, LIMIT, MEMORY, MOST_MEMORY, Options
from badwire.store import run_folder
from badwire.substrate import select


class Parser(argparse.ArgumentParser):
    """An argument parser that raises BadOption where argparse would print its usage and exit."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(prog=f"badwire {command}", description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise BadOption with argparse's message; for an unknown option, it suggests the most similar one."""
        if unknown := re.match(r"unrecognized arguments: (\S+)", message):
            word = unknown[1].split("=")[0]
            near = difflib.get_close_matches(word, [o for o in self._option_string_actions if o.startswith("--")], n=1)
            hint = f"did you mean {near[0]}?" if near else f"`{self.prog} --help` lists them all."
            raise BadOption(f"{self.prog} has no option {word}: {hint}")
        raise BadOption(f"{self.prog}: {message.removeprefix('argument ')}; `{self.prog} --help` explains.")


def one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    """Return the argparse type of an argument that must be one of ``names``."""

    def check(value: str) -> str:
        if value in names:
            return value
        near = difflib.get_close_matches(value, names, n=1)
        raise argparse.ArgumentTypeError(
            f"{value!r} is not known, did you mean {near[0]}" if near else f"{value!r} is none of {', '.join(names)}"
        )

    return check


def seed(value: str) -> int:
    """The argparse type of a seed: an integer from 0 to 2**64 - 1."""
    if value.isascii() and value.isdigit() and len(value) <= 20 and int(value) < 2**64:
        return int(value)
    raise argparse.ArgumentTypeError(f"{value!r} is not a whole number from 0 to 2^64 - 1")


def positive(value: str) -> float:
    """The argparse type of a duration: a number of seconds greater than 0."""
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if 0 < number < float("inf"):
        return number
    raise argparse.ArgumentTypeError(f"{value!r} is not a number of seconds above 0")


def count(value: str) -> int:
    """The argparse type of a count: an integer from 1 to 999."""
    if value.isascii() and value.isdigit() and len(value) <= 3 and int(value):
        return int(value)
    raise argparse.ArgumentTypeError(f"{value!r} is not a whole number from 1 to 999")


def megabytes(value: str) -> int:
    """The argparse type of a kernel's memory: an integer number of MB, from LEAST_MEMORY to MOST_MEMORY."""
    if value.isascii() and value.isdigit() and LEAST_MEMORY <= int(value) <= MOST_MEMORY:
        return int(value)
    raise argparse.ArgumentTypeError(f"{value!r} is not a whole number of MB from {LEAST_MEMORY} to {MOST_MEMORY}")


def folder(value: str) -> Path:
    """The argparse type of a folder. An empty path is refused, since it would mean the current directory."""
    if not value:
        raise argparse.ArgumentTypeError("it is empty; name a folder")
    return Path(value)


def add_run_options(add: Callable[..., object], prefix: str = "--") -> None:
    """Add the options of a run. ``add`` is argparse's add_argument or pytest's addoption."""
    add(
        f"{prefix}substrate",
        type=one_of(select.NAMES),
        default="auto",
        metavar="|".join(select.NAMES),
        help="where hosts live; auto is docker where an engine answers, else netns",
    )
    add(
        f"{prefix}clock",
        type=one_of(CLOCKS),
        default="real",
        metavar="|".join(CLOCKS),
        help="this machine's, or that of the lab's own kernel, whose time jumps to the next event",
    )
    add(
        f"{prefix}engine",
        type=one_of(ENGINES),
        default="auto",
        metavar="|".join(ENGINES),
        help="what carries out the faults; auto is netem where it can carry them all out, else the relay",
    )
    add_kernel_options(add, prefix)
    add(
        f"{prefix}jobs",
        type=count,
        default=None,
        metavar="N",
        help="scenarios in parallel (on the virtual clock one for each processor, else 1)",
    )
    add(f"{prefix}out", type=folder, default=run_folder.DEFAULT, metavar="DIR", help="where run folders go (runs)")


def add_kernel_options(add: Callable[..., object], prefix: str = "--") -> None:
    """Add the options of the virtual clock's kernel."""
    add(f"{prefix}seed", type=seed, default=1, metavar="N", help="where every random draw comes from (1)")
    add(
        f"{prefix}limit",
        type=positive,
        default=LIMIT,
        metavar="SECONDS",
        help=f"real time after which a kernel of the virtual clock is killed ({LIMIT:g})",
    )
    add(
        f"{prefix}memory",
        type=megabytes,
        default=MEMORY,
        metavar="MB",
        help=f"memory of a kernel of the virtual clock ({MEMORY})",
    )


def add_ci_options(add: Callable[..., object]) -> None:
    """Add the options that only `badwire run` has: its questions, and the files that it writes for a CI."""
    add("--predict", action="store_true", help="ask each scenario's question first; the run shows the answer")
    add("--junit", type=Path, metavar="FILE", help="write the results as JUnit XML")
    add("--summary", type=Path, metavar="FILE", help="append a summary in Markdown, as for $GITHUB_STEP_SUMMARY")


def options(value_of: Callable[[str], Any]) -> Options:
    """Return the values of the options of ``add_run_options``. ``value_of`` returns the value of one, by its name."""
    return Options(**{field.name: value_of(field.name) for field in fields(Options)})
