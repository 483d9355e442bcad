"""Reads the course, docs/course.md: the scenarios in teaching order, each with questions to answer before it is run.

A question names its right option and the claim that shows it. Whether the claim does show it, a run decides.
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
    """A question to answer before a run. ``right`` is the number of the right option, counted from 1; ``claim`` is the
    title of the claim that shows it.
    """

    text: str
    options: tuple[str, ...]
    right: int
    claim: str

    @property
    def answer(self) -> str:
        """The text of the right option."""
        return self.options[self.right - 1]

    def shown_by(self, claims: "Iterable[ClaimResult]") -> "ClaimResult | None":
        """That claim, among the claims of a run; None if the run has no such claim."""
        for claim in claims:
            if claim.title == self.claim and not claim.instrument:
                return claim
        return None


@dataclass(frozen=True)
class Lesson:
    """A scenario's place in the course. ``command`` is the shell command that runs it."""

    name: str
    lecture: str
    text: str
    command: str
    questions: tuple[Question, ...]


def read(file: Path = FILE) -> tuple[Lesson, ...]:
    """Read an edition of the course.

    Raises:
        RequestError: it cannot be read, or a lesson in it is not complete.
    """
    try:
        document = file.read_text(encoding="utf-8")
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}; it contains the course.") from error
    _, *lectures = _LECTURE.split(document)
    found = []
    for lecture in lectures:
        title, _, body = lecture.partition("\n")
        found += [_lesson(file, title.strip(), section) for section in _LESSON.split(body)[1:]]
    return tuple(found)


def questions(name: str) -> tuple[Question, ...]:
    """The questions of a scenario, none if it is not in the course. Raises RequestError as ``read`` does."""
    for lesson in read():
        if lesson.name == name:
            return lesson.questions
    return ()


def _lesson(file: Path, lecture: str, section: str) -> Lesson:
    heading, _, body = section.partition("\n")
    blocks = [block.strip("\n") for block in re.split(r"\n\s*\n", body) if block.strip()]
    commands = [block.strip() for block in blocks if block.startswith("    ")]
    asked = tuple(_questions(blocks))
    named = _NAME.fullmatch(heading.strip())
    if named is None or len(commands) != 1 or not asked or None in asked:
        raise RequestError(
            f"{file}: the lesson {heading.strip()!r} is not complete; it needs a link to its scenario, a paragraph, the"
            " command, and a question with its options and its answer, like its neighbours."
        )
    complete = tuple(question for question in asked if question is not None)
    return Lesson(named["name"], lecture, _one_line(blocks[0]), commands[0], complete)


def _questions(blocks: list[str]) -> Iterator[Question | None]:
    """A question in bold, its options in a numbered block, `<details>`, its answer; None for an incomplete one."""
    for place, block in enumerate(blocks):
        if not (block.startswith("**") and block.endswith("**")):
            continue
        listed, _, answered, *_ = [*blocks[place + 1 :], "", "", ""]
        options = tuple(_one_line(option) for option in _OPTION.split(listed)[1:])
        answer = _ANSWER.fullmatch(answered)
        if answer is None or not 0 < int(answer["right"]) <= len(options):
            yield None
            continue
        yield Question(_one_line(block.strip("*")), options, int(answer["right"]), answer["sentence"])


def _one_line(block: str) -> str:
    return " ".join(block.split())
