"""The course: the scenarios in teaching order, each with what is asked before it is run: docs/course.md, read.

A question has its options, which of them is right, and the claim that shows it: whether it does is the run's affair.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from badwire.errors import RequestError
from badwire.util import project

if TYPE_CHECKING:
    from badwire.result.result import ClaimResult

FILE = project.DOCS / "course.md"

_LECTURE = re.compile(r"^## +", re.MULTILINE)
_LESSON = re.compile(r"^### +", re.MULTILINE)
_NAME = re.compile(r"\[(?P<name>\w+)\]\(\.\./scenarios/(?P=name)\.py\)")
_OPTION = re.compile(r"^\d+\. +", re.MULTILINE)
_ANSWER = re.compile(r"(?P<right>\d+): \*(?P<sentence>.+)\*")


@dataclass(frozen=True)
class Question:
    """What is asked before a run: ``right`` counts the options from 1, ``claim`` is the title of what shows it."""

    text: str
    options: tuple[str, ...]
    right: int
    claim: str

    @property
    def answer(self) -> str:
        return self.options[self.right - 1]

    def shown_by(self, findings: "Iterable[ClaimResult]") -> "ClaimResult | None":
        """What became of that claim in a run; None if the run has no such claim."""
        return next(
            (one for one in findings if self.claim == one.title and not one.instrument),
            None,
        )


@dataclass(frozen=True)
class Lesson:
    """A scenario's place in the course. ``command`` is what runs it."""

    name: str
    lecture: str
    text: str
    command: str
    questions: tuple[Question, ...]


def read(file: Path = FILE) -> tuple[Lesson, ...]:
    """Read an edition of the course. Raises RequestError if it cannot be read, or a lesson in it is not complete."""
    try:
        document = file.read_text(encoding="utf-8")
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}; it holds the course.") from error
    _, *lectures = _LECTURE.split(document)
    found = []
    for lecture in lectures:
        title, _, body = lecture.partition("\n")
        found += [_lesson(file, title.strip(), section) for section in _LESSON.split(body)[1:]]
    return tuple(found)


def questions(name: str) -> tuple[Question, ...]:
    """The questions of a scenario, none if the course does not have it. Raises RequestError as ``read`` does."""
    return next((lesson.questions for lesson in read() if lesson.name == name), ())


def _lesson(file: Path, lecture: str, section: str) -> Lesson:
    heading, _, body = section.partition("\n")
    blocks = [block.strip("\n") for block in re.split(r"\n\s*\n", body) if block.strip()]
    commands = [block.strip() for block in blocks if block.startswith("    ")]
    asked = tuple(_questions(blocks))
    named = _NAME.fullmatch(heading.strip())
    if named is None or len(commands) != 1 or not asked or None in asked:
        raise RequestError(
            f"{file}: the lesson {heading.strip()!r} is not complete; it takes a link to its scenario, a paragraph, the"
            " command, and a question with its options and its answer, as its neighbours have them."
        )
    complete = tuple(question for question in asked if question is not None)
    return Lesson(named["name"], lecture, _one_line(blocks[0]), commands[0], complete)


def _questions(blocks: list[str]) -> Iterator[Question | None]:
    """Bold, the options in a numbered block, `<details>`, the answer; None for one that lacks any of them."""
    for place, block in enumerate(blocks):
        if block.startswith("**") and block.endswith("**"):
            listed, _, told, *_ = [*blocks[place + 1 :], "", "", ""]
            options = tuple(_one_line(option) for option in _OPTION.split(listed)[1:])
            answer = _ANSWER.fullmatch(told)
            if answer is None or not 0 < int(answer["right"]) <= len(options):
                yield None
                continue
            yield Question(_one_line(block.strip("*")), options, int(answer["right"]), answer["sentence"])


def _one_line(block: str) -> str:
    return " ".join(block.split())
