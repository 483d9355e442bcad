"""Reads the course, docs/course.md: the scenarios in teaching order, each with questions to answer before it is run.

A question names its right option, and the claim that shows that it is right, if the claim holds in a run.
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
    """A question to answer before a run.

    Attributes:
        text: the question.
        options: the possible answers.
        right: the number of the right option, counted from 1.
        claim: the title of the claim that shows that this option is right.
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
        """Find the question's claim among the claims of a run. Returns None if the run does not have it."""
        for claim in claims:
            if claim.title == self.claim and not claim.instrument:
                return claim
        return None


@dataclass(frozen=True)
class Lesson:
    """A lesson of the course, about the scenario ``name``. ``command`` is the shell command that runs it."""

    name: str
    lecture: str
    text: str
    command: str
    questions: tuple[Question, ...]


def read(file: Path = FILE) -> tuple[Lesson, ...]:
    """Read the lessons of a course, in the order of the file.

    Raises:
        RequestError: the file cannot be read, or a lesson in it is not complete.
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
    """Return the questions about a scenario, none if it is not in the course. Raises RequestError as ``read`` does."""
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
    """Yield the questions of a lesson, and None for each that is incomplete.

    A question is four blocks: the text in bold, the options as a numbered list, `<details>`, and the answer.
    """
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
