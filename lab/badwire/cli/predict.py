"""`badwire run --predict`: a scenario's question is asked before it is run, and answered by what the run measured.

The question goes to stderr, as prompts do; an answer is a line of stdin, its option's number.
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
    """A question, and the number of the option that was chosen before the run."""

    question: Question
    said: int

    def to_json(self, result: Result) -> dict[str, Any]:
        """As `badwire run --json` has it; ``verdict`` is that of the claim that shows the right option."""
        found = self.question.shown_by(result.claims)
        options = self.question.options
        return {
            "question": self.question.text,
            "said": options[self.said - 1],
            "right": self.question.answer,
            "claim": self.question.claim,
            "verdict": found.verdict if found else None,
        }


def questions(one: Scenario) -> tuple[Question, ...]:
    """What the course asks about a scenario. Raises BadOption where it asks nothing, RequestError if it is broken."""
    asked = course.questions(one.name) if one.file.parent == project.SCENARIOS else ()
    if not asked:
        raise BadOption(f"The course asks nothing about {one.name}; leave --predict out (docs/course.md has it all).")
    return asked


def ask(scenarios: Sequence[Scenario]) -> dict[str, tuple[Prediction, ...]]:
    """Ask about each scenario, in this order, before any is run; the answers by the scenarios' names.

    Raises BadOption where there is no answer; one that is no option is asked for again at a terminal, else refused.
    """
    asked = [(one.name, questions(one)) for one in scenarios]
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    lines = sys.stdin or StringIO()  # None where the caller has closed it
    return {name: tuple(Prediction(each, _answer(name, each, lines)) for each in those) for name, those in asked}


def told(predictions: Iterable[Prediction], result: Result, colour: bool = False) -> str:
    """Each question with what was said and what is so, by the claim of this run that shows it."""
    return "\n".join(line for prediction in predictions for line in [*_told(prediction, result, colour), ""])


def _answer(name: str, question: Question, lines: TextIO) -> int:
    most = len(question.options)
    _say(_wrapped(f"{name}: {question.text}"), end="\n\n")
    for number, option in enumerate(question.options, 1):
        _say(_wrapped(option, f"  {number}  "))
    while True:
        _say(f"\nYour answer, 1 to {most}: ", end="")
        line = lines.readline()
        word = line.strip()
        if not lines.isatty():
            _say(word)  # a terminal has shown it already
        if not line:
            raise BadOption(f"--predict got no answer to the question of {name}: {WAY_OUT}.")
        if word in map(str, range(1, most + 1)):
            _say()
            return int(word)
        if not lines.isatty():
            raise BadOption(f"{word[:40]!r} is no answer to the question of {name}: give a number from 1 to {most}.")


def _say(text: str = "", end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)


def _wrapped(text: str, before: str = "") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=before, subsequent_indent=" " * len(before))


def _told(prediction: Prediction, result: Result, colour: bool) -> list[str]:
    question, said = prediction.question, prediction.said
    found = question.shown_by(result.claims)
    shown = found is not None and found.verdict == "HOLDS"
    return [
        _wrapped(question.text),
        _wrapped(question.options[said - 1], f"  you said  {said}  "),
        _wrapped(question.answer, f"  {'the run ' if shown else 'the book'}  {question.right}  "),
        *([] if shown else ["  but this run does not show it"]),
        *(claim_lines(found, colour) if found is not None else []),
    ]
