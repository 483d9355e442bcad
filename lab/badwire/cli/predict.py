"""`badwire run --predict`: asks the questions about each scenario before it is run, and prints the answers afterwards.

Questions go to stderr, as prompts do. An answer is a line of stdin with the number of an option.
"""

import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO, TextIOWrapper
from typing import Any, TextIO

from badwire.course import course
from badwire.course.course import Question
from badwire.errors import BadOption
from badwire.report.terminal import claim_lines
from badwire.result.result import Result
from badwire.scenario.scenario_file import Scenario
from badwire.util import project

WIDTH = 100  # characters of a line
WAY_OUT = "answer at a terminal, or give numbers on stdin, a line for each question"


@dataclass(frozen=True)
class Prediction:
    """A question, and the number of the option that the user chose before the run, counted from 1."""

    question: Question
    answer: int

    def to_json(self, result: Result) -> dict[str, Any]:
        """Return the object for `badwire run --json`. ``verdict`` is that of the claim that shows the right option."""
        found = self.question.shown_by(result.claims)
        options = self.question.options
        return {
            "question": self.question.text,
            "said": options[self.answer - 1],
            "right": self.question.answer,
            "claim": self.question.claim,
            "verdict": found.verdict if found else None,
        }


def questions(one: Scenario) -> tuple[Question, ...]:
    """Return the course's questions about a scenario.

    Raises:
        BadOption: the course has no question about it.
        RequestError: the course cannot be read.
    """
    asked = course.questions(one.name) if one.file.parent == project.SCENARIOS else ()
    if not asked:
        raise BadOption(
            f"The course asks nothing about {one.name}; leave --predict out (docs/course.md has all questions)."
        )
    return asked


def ask(scenarios: Sequence[Scenario]) -> dict[str, tuple[Prediction, ...]]:
    """Ask the questions about all scenarios, and return the predictions by the scenarios' names.

    At a terminal, a question is repeated until the answer is the number of an option.

    Raises:
        BadOption: stdin has ended, or it is not a terminal and an answer is not the number of an option.
    """
    asked = [(one.name, questions(one)) for one in scenarios]
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    lines = sys.stdin or StringIO()  # stdin is None if the caller has closed it
    predictions = {}
    for name, its_questions in asked:
        predictions[name] = tuple(Prediction(question, _answer(name, question, lines)) for question in its_questions)
    return predictions


def format_answers(predictions: Iterable[Prediction], result: Result, colour: bool = False) -> str:
    """Format each question with the prediction, the right answer, and the claim of this run that shows it."""
    lines = []
    for prediction in predictions:
        lines += _answer_lines(prediction, result, colour)
        lines.append("")
    return "\n".join(lines)


def _answer(name: str, question: Question, lines: TextIO) -> int:
    last = len(question.options)
    _prompt(_wrapped(f"{name}: {question.text}"), end="\n\n")
    for number, option in enumerate(question.options, 1):
        _prompt(_wrapped(option, f"  {number}  "))
    while True:
        _prompt(f"\nYour answer, 1 to {last}: ", end="")
        line = lines.readline()
        word = line.strip()
        if not lines.isatty():
            _prompt(word)  # a terminal has echoed it already
        if not line:
            raise BadOption(f"--predict got no answer to the question of {name}: {WAY_OUT}.")
        if word in map(str, range(1, last + 1)):
            _prompt()
            return int(word)
        if not lines.isatty():
            raise BadOption(
                f"{word[:40]!r} is not an answer to the question of {name}: give a number from 1 to {last}."
            )


def _prompt(text: str = "", end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)


def _wrapped(text: str, before: str = "") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=before, subsequent_indent=" " * len(before))


def _answer_lines(prediction: Prediction, result: Result, colour: bool) -> list[str]:
    question = prediction.question
    answer = prediction.answer
    found = question.shown_by(result.claims)
    shown = found is not None and found.verdict == "HOLDS"
    return [
        _wrapped(question.text),
        _wrapped(question.options[answer - 1], f"  you said  {answer}  "),
        _wrapped(question.answer, f"  {'the run ' if shown else 'the book'}  {question.right}  "),
        *([] if shown else ["  but this run does not show it"]),
        *(claim_lines(found, colour) if found is not None else []),
    ]
