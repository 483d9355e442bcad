"""Reads docs/textbook.md: the statements of the course texts, which claims refer to by number."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import RequestError
from badwire.util import project

FILE = project.DOCS / "textbook.md"

_CHAPTER = re.compile(r"## (?P<title>.+)")
_STATEMENT = re.compile(r'- <a id="(?P<number>[PT]\d+)"></a>\*\*(?P=number)\*\* (?P<text>.+)')
_SHORT_VERSION = re.compile(r'- "(?P<text>.+)": (?P<contradicts>\*not\* )?\[(?P<number>T\d+)\]\(#(?P=number)\)')


@dataclass(frozen=True)
class Statement:
    """A statement of the course texts.

    Its number begins with P if it is about a program that a text builds, and otherwise with T.
    """

    number: str
    text: str
    chapter: str

    @property
    def about_a_program(self) -> bool:
        return self.number.startswith("P")


@dataclass(frozen=True)
class ShortVersion:
    """A short version of a statement that is often repeated. ``contradicts``: it says the opposite of the statement."""

    text: str
    number: str
    contradicts: bool


@dataclass(frozen=True)
class Textbook:
    """All statements and all short versions, in the order of the file."""

    statements: tuple[Statement, ...]
    short_versions: tuple[ShortVersion, ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(statement.number for statement in self.statements)


def read(file: Path = FILE) -> Textbook:
    """Read the statements and their short versions, one a line.

    Raises:
        RequestError: the file cannot be read, an item in it is neither a statement nor a short version, or a number
            occurs twice.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RequestError(
            f"{file} cannot be read: {error.strerror}; it has the statements of the course texts."
        ) from error
    statements = []
    short_versions = []
    for item in _items(file, lines):
        if isinstance(item, Statement):
            statements.append(item)
        else:
            short_versions.append(item)
    book = Textbook(tuple(statements), tuple(short_versions))
    occurrences = Counter(book.numbers)
    repeated = [number for number, count in occurrences.items() if count > 1]
    if repeated:
        numbers = ", ".join(sorted(repeated))
        raise RequestError(f"{file} has {numbers} more than once: give each statement its own number.")
    return book


def _items(file: Path, lines: list[str]) -> Iterator[Statement | ShortVersion]:
    chapter = ""
    for number, line in enumerate(lines, 1):
        if found := _CHAPTER.fullmatch(line):
            chapter = found["title"]
        elif found := _STATEMENT.fullmatch(line):
            yield Statement(found["number"], found["text"], chapter)
        elif found := _SHORT_VERSION.fullmatch(line):
            contradicts = found["contradicts"] is not None
            yield ShortVersion(found["text"], found["number"], contradicts)
        elif line.startswith("- "):
            raise RequestError(
                f"{file}, line {number}, is neither a statement nor a short version; write it like its neighbours."
            )
