"""Parses the options of the command line with argparse, and turns its errors into sentences that name a way out."""

import argparse
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from badwire.errors import BadOption
from badwire.options import (
    CLOCKS,
    ENGINES,
    LANGUAGES,
    LEAST_MEMORY,
    LEAST_SNAPLEN,
    LIMIT,
    MEMORY,
    MOST_MEMORY,
    SNAPLEN,
    Options,
)
from badwire.store import run_folder
from badwire.substrate import select
from badwire.util.suggestion import did_you_mean, most_similar

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # POSIX.1-2017, base definitions, section 8.1


class Parser(argparse.ArgumentParser):
    """An argument parser that raises BadOption where argparse would print its usage and exit."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(prog=f"badwire {command}", description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise BadOption with argparse's message; for an unknown option, suggest the most similar one."""
        unknown = re.match(r"unrecognized arguments: (?P<option>[^\s=]*)", message)
        if unknown is None:
            problem = message.removeprefix("argument ")
            raise BadOption(f"{self.prog}: {problem}; `{self.prog} --help` explains.")
        option = unknown["option"]
        if not option.startswith("-"):
            raise BadOption(f"{self.prog} takes no argument {option!r}; `{self.prog} --help` explains.")
        known = [name for name in self._option_string_actions if name.startswith("--")]
        hint = did_you_mean(option, known, otherwise=f"`{self.prog} --help` lists them all.")
        raise BadOption(f"{self.prog} has no option {option}: {hint}")


def one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    """Return the argparse type of an argument that must be one of ``names``."""

    def check(value: str) -> str:
        if value in names:
            return value
        similar = most_similar(value, names)
        if similar is not None:
            raise argparse.ArgumentTypeError(f"{value!r} is not known, did you mean {similar}")
        allowed = ", ".join(names)
        raise argparse.ArgumentTypeError(f"{value!r} is not one of {allowed}")

    return check


def seed(value: str) -> int:
    """The argparse type of a seed: an integer from 0 to 2**64 - 1."""
    number = _integer(value)
    if number is None or number >= 2**64:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number from 0 to 2^64 - 1")
    return number


def positive(value: str) -> float:
    """The argparse type of a duration: a number of seconds greater than 0."""
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if 0 < number < float("inf"):
        return number
    raise argparse.ArgumentTypeError(f"{value!r} is not a number of seconds above 0")


def releases(value: str) -> str:
    """The argparse type of releases of kernels, with commas between them, as in "6.1,6.12"; may be empty."""
    if not value or re.fullmatch(r"\d+\.\d[\w.+-]*(,\d+\.\d[\w.+-]*)*", value, re.ASCII):
        return value
    raise argparse.ArgumentTypeError(f"{value!r} is not a kernel's release, such as 6.12")


def count(value: str) -> int:
    """The argparse type of a count: an integer from 1 to 999."""
    number = _integer(value)
    if number is None or not 1 <= number <= 999:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number from 1 to 999")
    return number


def megabytes(value: str) -> int:
    """The argparse type of a kernel's memory: an integer number of MB, from LEAST_MEMORY to MOST_MEMORY."""
    number = _integer(value)
    if number is None or not LEAST_MEMORY <= number <= MOST_MEMORY:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number of MB from {LEAST_MEMORY} to {MOST_MEMORY}")
    return number


def snaplen(value: str) -> int:
    """The argparse type of how many bytes of a frame are kept: an integer from LEAST_SNAPLEN to SNAPLEN."""
    number = _integer(value)
    if number is None or not LEAST_SNAPLEN <= number <= SNAPLEN:
        raise argparse.ArgumentTypeError(
            f"{value!r} is not a whole number of bytes from {LEAST_SNAPLEN}, which all headers fit in, to {SNAPLEN}"
        )
    return number


def _integer(value: str) -> int | None:
    """The value of a decimal number without a sign and of at most 20 digits, enough for 2**64; else None."""
    if not value.isascii() or not value.isdigit() or len(value) > 20:
        return None
    return int(value)


def folder(value: str) -> Path:
    """The argparse type of a folder. An empty path is refused, since it would mean the current directory."""
    if not value:
        raise argparse.ArgumentTypeError("it is empty; name a folder")
    return Path(value)


def output_folder(value: str) -> Path:
    """The argparse type of a folder to write to, which may not exist yet; what exists of its path is a directory."""
    path = folder(value)
    obstacle = run_folder.obstacle(path)
    if obstacle is not None:
        raise argparse.ArgumentTypeError(f"{obstacle} is not a directory; name a folder")
    return path


def compose_file(value: str) -> Path:
    """The argparse type of a compose file, which must exist; returns its absolute path."""
    path = folder(value).absolute()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {value}")
    return path


def parameter(value: str) -> tuple[str, str]:
    """The argparse type of NAME=VALUE, a scenario's parameter; the value may be empty."""
    name, separator, text = value.partition("=")
    if not separator or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{value!r:.200} is not a parameter with its value, as in bytes=1000000")
    return name, _recordable(name, text)


def subject(value: str) -> tuple[str, str]:
    """The argparse type of NAME=PROGRAM, a program under test."""
    name, separator, program = value.partition("=")
    if not separator or not name.isidentifier() or not program or "\0" in program:
        raise argparse.ArgumentTypeError(f"{value!r:.200} is not a name with a program, as in server=./my_server")
    return name, _recordable(name, program)


def variable(value: str) -> tuple[str, str]:
    """The argparse type of NAME=VALUE, or of NAME for a variable with its value in this process's environment."""
    name, separator, text = value.partition("=")
    if _VARIABLE.fullmatch(name) is None:
        raise argparse.ArgumentTypeError(
            f"{value!r:.200} does not begin with a variable's name: letters, digits and underscores, and no digit first"
        )
    if not separator:
        if name not in os.environ:
            raise argparse.ArgumentTypeError(f"there is no variable {name} in this environment; write {name}=VALUE")
        text = os.environ[name]
    return name, _recordable(name, text)


def _recordable(name: str, text: str) -> str:
    """The text. Raises ArgumentTypeError if it has bytes that are not text, which cannot be recorded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(
            f"the value of {name} is not text in UTF-8, and nothing else is recorded"
        ) from None
    return text


def by_name(pairs: Iterable[tuple[str, str]], kind: str) -> dict[str, str]:
    """The values by name. Raises BadOption if one of this ``kind``, such as "parameter", is given twice."""
    values: dict[str, str] = {}
    for name, text in pairs:
        if name in values:
            raise BadOption(f"The {kind} {name} is given twice, as {values[name]!r:.100} and {text!r:.100}; keep one.")
        values[name] = text
    return values


def without_separator(command: list[str]) -> list[str]:
    """Return a command without the `--` that may precede it."""
    if command[:1] == ["--"]:
        return command[1:]
    return command


def add_choice(
    add: Callable[..., object],
    option: str,
    names: tuple[str, ...],
    default: str,
    help: str | None = None,
) -> None:
    """Add an option whose value is one of ``names``. ``add`` is argparse's add_argument or pytest's addoption."""
    add(option, type=one_of(names), default=default, metavar="|".join(names), help=help)


def add_run_options(add: Callable[..., object], prefix: str = "--") -> None:
    """Add the options of a run. ``add`` is argparse's add_argument or pytest's addoption."""
    add_choice(
        add,
        f"{prefix}substrate",
        select.NAMES,
        default="auto",
        help="where hosts live; auto is docker where an engine answers, else netns",
    )
    add_choice(
        add,
        f"{prefix}clock",
        CLOCKS,
        default="real",
        help="this machine's clock, or that of the lab's own kernel, whose time jumps to the next event",
    )
    add_choice(
        add,
        f"{prefix}engine",
        ENGINES,
        default="auto",
        help="what carries out the faults; auto is netem where it can carry them all out, else the relay",
    )
    add(
        f"{prefix}lang",
        type=one_of(LANGUAGES),
        default="python",
        metavar="|".join(LANGUAGES),
        help="the language of the reference programs; those in C are compiled once, and kept (default: python)",
    )
    add_kernel_options(add, prefix)
    add_snaplen(add, prefix)
    add_compose(add, prefix)
    add(
        f"{prefix}set",
        dest=f"{_dest(prefix)}parameters",
        action="append",
        type=parameter,
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the scenario, in place of its default; may be given several times",
    )
    add(
        f"{prefix}subject",
        dest=f"{_dest(prefix)}subjects",
        action="append",
        type=subject,
        default=[],
        metavar="NAME=PROGRAM",
        help="a program under test of the scenario: a path with a slash, or the name of a reference program",
    )
    add_env(add, prefix)
    add(
        f"{prefix}jobs",
        type=count,
        default=None,
        metavar="N",
        help="scenarios in parallel (default: on the virtual clock one for each processor, else 1)",
    )
    add_out(add, f"{prefix}out")


def add_snaplen(add: Callable[..., object], prefix: str = "--") -> None:
    """Add the option for how much of each frame the capture keeps."""
    add(
        f"{prefix}snaplen",
        type=snaplen,
        default=SNAPLEN,
        metavar="BYTES",
        help=f"bytes of each frame that the capture keeps; {LEAST_SNAPLEN} for the headers alone (default: all)",
    )


def add_compose(add: Callable[..., object], prefix: str = "--") -> None:
    """Add the option that names the compose file."""
    add(
        f"{prefix}compose",
        type=compose_file,
        default=None,
        metavar="FILE",
        help="the hosts are the services of this compose file (default: the lab's own)",
    )


def add_env(add: Callable[..., object], prefix: str = "--") -> None:
    """Add the option for variables of the environment of every program."""
    add(
        f"{prefix}env",
        dest=f"{_dest(prefix)}env",
        action="append",
        type=variable,
        default=[],
        metavar="NAME[=VALUE]",
        help="a variable of every program's environment, by default with its value here; it is recorded",
    )


def _dest(prefix: str) -> str:
    """The beginning of the attributes in which the values of options with this prefix are."""
    return prefix.removeprefix("--").replace("-", "_")


def add_out(add: Callable[..., object], option: str) -> None:
    """Add the option that names the folder of all runs."""
    where = "where run folders go (default: runs)"
    add(option, type=output_folder, default=run_folder.DEFAULT, metavar="DIR", help=where)


def add_kernel_options(add: Callable[..., object], prefix: str = "--") -> None:
    """Add the options of the virtual clock's kernel."""
    add_kernel(add, prefix)
    add(f"{prefix}seed", type=seed, default=1, metavar="N", help="the seed of all random numbers (default: 1)")
    add(
        f"{prefix}limit",
        type=positive,
        default=LIMIT,
        metavar="SECONDS",
        help=f"real time after which a kernel of the virtual clock is killed (default: {LIMIT:g})",
    )
    add(
        f"{prefix}memory",
        type=megabytes,
        default=MEMORY,
        metavar="MB",
        help=f"memory of a kernel of the virtual clock (default: {MEMORY})",
    )


def add_kernel(add: Callable[..., object], prefix: str = "--") -> None:
    """Add the option that chooses one of the virtual clock's kernels."""
    add(
        f"{prefix}kernel",
        type=releases,
        default="",
        metavar="RELEASE",
        help="the virtual clock's kernel, as in 6.12 (default: the one that was built or named last)",
    )


def add_ci_options(add: Callable[..., object]) -> None:
    """Add the options that only `badwire run` has: its questions, and the files that it writes for a CI."""
    add("--predict", action="store_true", help="ask each scenario's question first; the run shows the answer")
    add("--junit", type=Path, metavar="FILE", help="write the results as JUnit XML")
    add("--summary", type=Path, metavar="FILE", help="append a summary in Markdown, as for $GITHUB_STEP_SUMMARY")


def options(value_of: Callable[[str], Any]) -> Options:
    """Return the values of the options of ``add_run_options``. ``value_of`` returns the value of one, by its name."""
    values = {}
    for field in fields(Options):
        values[field.name] = value_of(field.name)
    values["parameters"] = by_name(values["parameters"], "parameter")
    values["subjects"] = by_name(values["subjects"], "program under test")
    values["env"] = by_name(values["env"], "variable")
    return Options(**values)
