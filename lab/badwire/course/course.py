"""Reads the course, docs/course.md: the scenarios in teaching order, each with questions to answer before it is run.

A question names its correct option, and the claim that, if it holds in a run, shows that the option is correct.
"""

import re
from collections.abc import Iterable
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
# The title of the claim, alone or, in a translated edition, in brackets after its translation.
_ANSWER = re.compile(r"(?P<right>\d+): (?:[^*]+\(\*(?P<translated>[^*]+)\*\)|\*(?P<sentence>[^*]+)\*)")


@dataclass(frozen=True)
class Question:
    """A question to answer before a run.

    Attributes:
        text: the question.
        options: the possible answers.
        right: the number of the correct option, counted from 1.
        claim: the title of the claim that shows that this option is correct.
    """

    text: str
    options: tuple[str, ...]
    right: int
    claim: str

    @property
    def answer(self) -> str:
        """The text of the correct option."""
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
    lessons = []
    _introduction, *lectures = _LECTURE.split(document)
    for lecture in lectures:
        title, _, body = lecture.partition("\n")
        _preface, *sections = _LESSON.split(body)
        for section in sections:
            lessons.append(_lesson(file, title.strip(), section))
    return tuple(lessons)


def questions(name: str) -> tuple[Question, ...]:
    """Return the questions about a scenario, none if it is not in the course. Raises RequestError as ``read`` does."""
    for lesson in read():
        if lesson.name == name:
            return lesson.questions
    return ()


def _lesson(file: Path, lecture: str, section: str) -> Lesson:
    heading, _, body = section.partition("\n")
    heading = heading.strip()
    blocks = _blocks(body)
    commands = [block.strip() for block in blocks if block.startswith("    ")]
    asked = _questions(blocks)
    matched = _NAME.fullmatch(heading)
    if matched is None or len(commands) != 1 or not asked:
        raise RequestError(
            f"{file}: the lesson {heading!r} is not complete; it needs a link to its scenario, a paragraph, the"
            " command, and a question with its options and its answer, like its neighbours."
        )
    return Lesson(
        name=matched["name"],
        lecture=lecture,
        text=_one_line(blocks[0]),
        command=commands[0],
        questions=asked,
    )


def _blocks(text: str) -> list[str]:
    """The blocks of a text: the parts between empty lines."""
    blocks = []
    for block in re.split(r"\n\s*\n", text):
        if block.strip():
            blocks.append(block.strip("\n"))
    return blocks


def _questions(blocks: list[str]) -> tuple[Question, ...]:
    """The questions of a lesson; none if one of them is incomplete.

    A question is four blocks: the text in bold, the options as a numbered list, `<details>`, and the answer.
    """
    found = []
    for index, block in enumerate(blocks):
        if not block.startswith("**") or not block.endswith("**"):
            continue
        question = _question(blocks[index : index + 4])
        if question is None:
            return ()
        found.append(question)
    return tuple(found)


def _question(blocks: list[str]) -> Question | None:
    """The question in four blocks; None if it is incomplete."""
    if len(blocks) < 4:
        return None
    text, numbered_list, _details, answer = blocks
    matched = _ANSWER.fullmatch(answer)
    if matched is None:
        return None
    _before, *options = _OPTION.split(numbered_list)
    right = int(matched["right"])
    if not 1 <= right <= len(options):
        return None
    return Question(
        text=_one_line(text.strip("*")),
        options=tuple(_one_line(option) for option in options),
        right=right,
        claim=matched["sentence"] or matched["translated"],
    )


def _one_line(block: str) -> str:
    return " ".join(block.split())
