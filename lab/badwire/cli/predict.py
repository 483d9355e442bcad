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

    @property
    def text(self) -> str:
        """The option that the user chose."""
        return self.question.options[self.answer - 1]

    def to_json(self, result: Result) -> dict[str, Any]:
        """Return the object for `badwire run --json`; ``verdict`` is that of the claim that shows the answer."""
        question = self.question
        claim = question.shown_by(result.claims)
        return {
            "question": question.text,
            "predicted": self.text,
            "right": question.answer,
            "claim": question.claim,
            "verdict": None if claim is None else claim.verdict,
        }


def questions(scenario: Scenario) -> tuple[Question, ...]:
    """Return the course's questions about a scenario.

    Raises:
        BadOption: the course has no question about it.
        RequestError: the course cannot be read.
    """
    found: tuple[Question, ...] = ()
    if scenario.file.parent == project.SCENARIOS:
        found = course.questions(scenario.name)
    if not found:
        raise BadOption(
            f"The course has no question about {scenario.name}; leave out --predict (docs/course.md has all questions)."
        )
    return found


def ask(scenarios: Sequence[Scenario]) -> dict[str, tuple[Prediction, ...]]:
    """Ask the questions about all scenarios, and return the predictions by the scenarios' names.

    At a terminal, a question is repeated until the answer is the number of an option.

    Raises:
        BadOption: stdin has ended, or it is not a terminal and an answer is not the number of an option.
    """
    questions_of = {scenario.name: questions(scenario) for scenario in scenarios}  # before the first is asked
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    lines = sys.stdin or StringIO()  # stdin is None if the caller has closed it
    predictions: dict[str, tuple[Prediction, ...]] = {}
    for name, its_questions in questions_of.items():
        answered = []
        for question in its_questions:
            answer = _ask(name, question, lines)
            answered.append(Prediction(question, answer))
        predictions[name] = tuple(answered)
    return predictions


def format_answers(predictions: Iterable[Prediction], result: Result, colour: bool = False) -> str:
    """Format each question with the prediction, the correct answer, and the claim of this run that shows it."""
    lines = []
    for prediction in predictions:
        lines += _answer_lines(prediction, result, colour)
        lines.append("")
    return "\n".join(lines)


def _ask(name: str, question: Question, lines: TextIO) -> int:
    """Ask one question about the scenario ``name``, and return the number of the option that was chosen."""
    text = _wrapped(f"{name}: {question.text}")
    _prompt(text, end="\n\n")
    for number, option in enumerate(question.options, 1):
        text = _wrapped(option, f"  {number}  ")
        _prompt(text)
    last = len(question.options)
    numbers = [str(number) for number in range(1, last + 1)]
    while True:
        _prompt(f"\nYour answer, 1 to {last}: ", end="")
        line = lines.readline()
        answer = line.strip()
        if not lines.isatty():
            _prompt(answer)  # a terminal has echoed it already
        if not line:
            raise BadOption(f"--predict got no answer to the question about {name}: {WAY_OUT}.")
        if answer in numbers:
            _prompt()
            return int(answer)
        if not lines.isatty():
            raise BadOption(
                f"{answer[:40]!r} is not an answer to the question about {name}: give a number from 1 to {last}."
            )


def _prompt(text: str = "", end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)


def _wrapped(text: str, before: str = "") -> str:
    indent = " " * len(before)
    return textwrap.fill(text, WIDTH, initial_indent=before, subsequent_indent=indent)


def _answer_lines(prediction: Prediction, result: Result, colour: bool) -> list[str]:
    question = prediction.question
    found = question.shown_by(result.claims)
    shown = found is not None and found.verdict == "HOLDS"
    shown_by = "the run " if shown else "the book"
    lines = [
        _wrapped(question.text),
        _wrapped(prediction.text, f"  you said  {prediction.answer}  "),
        _wrapped(question.answer, f"  {shown_by}  {question.right}  "),
    ]
    if not shown:
        lines.append("  but this run does not show it")
    if found is not None:
        lines += claim_lines(found, colour)
    return lines
