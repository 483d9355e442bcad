"""The statements of the course texts, which claims refer to by number: docs/textbook.md, read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import RequestError
from badwire.util import project

FILE = project.DOCS / "textbook.md"

_CHAPTER = re.compile(r"## (?P<title>.+)")
_STATEMENT = re.compile(r'- <a id="(?P<number>[PT]\d+)"></a>\*\*(?P=number)\*\* (?P<text>.+)')
_SAYING = re.compile(r'- "(?P<text>.+)": (?P<against>\*not\* )?\[(?P<number>T\d+)\]\(#(?P=number)\)')


@dataclass(frozen=True)
class Statement:
    """One statement by its number: T for what is said to be so, P for a program that a text builds."""

    number: str
    text: str
    chapter: str

    @property
    def about_a_program(self) -> bool:
        return self.number.startswith("P")


@dataclass(frozen=True)
class Saying:
    """What is made of a statement by hearsay; ``against``: it says the contrary."""

    text: str
    number: str
    against: bool


@dataclass(frozen=True)
class Textbook:
    """All statements and all sayings, in the order of the file."""

    statements: tuple[Statement, ...]
    sayings: tuple[Saying, ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(each.number for each in self.statements)


def read(file: Path = FILE) -> Textbook:
    """Read the statements, one a line.

    Raises:
        RequestError: the file cannot be read, or an item in it is neither a statement nor a saying, or comes twice.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}; it holds what the ledger is about.") from error
    items = tuple(_items(file, lines))
    statements = tuple(each for each in items if isinstance(each, Statement))
    numbers = [each.number for each in statements]
    if twice := {each for each in numbers if numbers.count(each) > 1}:
        raise RequestError(f"{file} has {', '.join(sorted(twice))} more than once: give each statement its own number.")
    return Textbook(statements, tuple(each for each in items if isinstance(each, Saying)))


def _items(file: Path, lines: list[str]) -> Iterator[Statement | Saying]:
    chapter = ""
    for number, line in enumerate(lines, 1):
        if found := _CHAPTER.fullmatch(line):
            chapter = found["title"]
        elif found := _STATEMENT.fullmatch(line):
            yield Statement(found["number"], found["text"], chapter)
        elif found := _SAYING.fullmatch(line):
            yield Saying(found["text"], found["number"], found["against"] is not None)
        elif line.startswith("- "):
            raise RequestError(
                f"{file}, line {number}, is neither a statement nor a saying; write it as its neighbours."
            )
