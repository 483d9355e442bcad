"""A question before the run, its answer after it: on a terminal, from lines of stdin, and where nobody answers."""

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from badwire.claims import RFC, Check, Checks, Judged, claim, equals, unknown
from badwire.cli.predict import Prediction, format_answers
from badwire.course import course
from badwire.course.course import Question
from badwire.evidence import Evidence
from badwire.pytest_plugin import require
from badwire.result.result import ClaimResult, Result
from tests.command_line import LAB, ROOT, environment, lab, sentence, story
from tests.conftest import lack_of

(QUESTION,) = course.questions("handshake")
WRONG = next(number for number in range(1, 9) if number != QUESTION.right)


@pytest.fixture
def namespaces() -> None:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})


def predict(answers: str, *argv: object) -> subprocess.CompletedProcess[str]:
    """`badwire run handshake --predict`, with these lines on stdin."""
    words = [*LAB, "run", "handshake", "--predict", "--substrate", "netns", *map(str, argv)]
    return subprocess.run(
        words, cwd=ROOT, env=environment(), input=answers, capture_output=True, text=True, timeout=120
    )


def result(check: Check) -> Result:
    """A result with one claim, which has this one check."""

    @claim("It is so", RFC("9293", "3.5"))
    def it_is_so(run: Evidence) -> Checks:
        yield check

    judged = ClaimResult.of(Judged(it_is_so, (check,)))
    return Result("some", "A title", "scenarios/some.py", "HOLDS", 0, (judged,), {})


@pytest.mark.usefixtures("namespaces")
def test_the_answer_stands_beside_what_was_measured(tmp_path: Path) -> None:
    done = predict(f"{WRONG}\n", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    output = " ".join(done.stderr.split())
    asked, progress = output.index(QUESTION.text), output.index("running")
    assert asked < output.index(QUESTION.options[-1]) < output.index(f"Your answer, 1 to 4: {WRONG}") < progress
    lines = done.stdout.splitlines()
    assert max(map(len, done.stderr.partition("Your answer")[0].splitlines())) <= 100
    answer_line = lines.index(f"  you said  {WRONG}  {QUESTION.options[WRONG - 1]}")
    assert " ".join(lines[:answer_line]) == QUESTION.text
    lines = lines[answer_line - 1 :]
    assert lines[1:3] == [
        f"  you said  {WRONG}  {QUESTION.options[WRONG - 1]}",
        f"  the run   {QUESTION.right}  {QUESTION.answer}",
    ]
    assert lines[3] == f"HOLDS    {QUESTION.claim}"
    assert "expected" in lines[4]
    assert Path(lines[-1]).is_dir()


@pytest.mark.usefixtures("namespaces")
def test_as_json(tmp_path: Path) -> None:
    (line,) = predict(f"{QUESTION.right}\n", "--out", tmp_path, "--json").stdout.splitlines()
    (prediction,) = json.loads(line)["predictions"]
    assert prediction["predicted"] == prediction["right"] == QUESTION.answer
    assert prediction["verdict"] == "HOLDS"


@pytest.mark.usefixtures("namespaces")
def test_a_terminal_asks_again_until_it_is_a_number(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    argv = [*LAB, "run", "handshake", "--predict", "--substrate", "netns", "--out", str(tmp_path)]
    with subprocess.Popen(
        argv, cwd=ROOT, env=environment(), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as run:
        os.close(theirs)
        os.write(ours, f"what?\n\n0\n {QUESTION.right} \n".encode())
        out, _ = run.communicate(timeout=120)
    os.close(ours)
    assert run.returncode == 0
    assert f"  you said  {QUESTION.right}  " in out.decode()


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ("", "--predict got no answer to the question about handshake: answer at a terminal, or give numbers on stdin"),
        ("yes\n", "'yes' is not an answer to the question about handshake: give a number from 1 to 4."),
        ("5\n", "'5' is not an answer"),
        ("\n", "'' is not an answer"),
    ],
)
def test_without_an_answer_nothing_is_run(tmp_path: Path, answers: str, complaint: str) -> None:
    done = predict(answers, "--out", tmp_path / "runs")
    assert complaint in sentence(done)
    assert (done.returncode, done.stdout) == (2, "")
    assert not (tmp_path / "runs").exists()


def test_a_closed_stdin_is_no_answer(tmp_path: Path) -> None:
    argv = ["sh", "-c", '"$@" <&-', "sh", *LAB, "run", "handshake", "--predict", "--out", str(tmp_path / "runs")]
    done = subprocess.run(argv, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60)
    assert "got no answer" in sentence(done) and done.returncode == 2


def test_a_scenario_of_ones_own_has_no_question() -> None:
    done = lab("run", story("good"), "--predict")
    assert sentence(done).startswith("The course has no question about good; leave out --predict")
    assert done.returncode == 2


def test_what_a_run_does_not_show_is_not_said_to_be_shown() -> None:
    question = Question("Which?", ("this", "that"), 2, "It is so")
    for check in (equals("length", 1, 2), unknown("length", "not recorded")):
        lines = format_answers([Prediction(question, 2)], result(check)).splitlines()
        assert "  the book  2  that" in lines and "  but this run does not show it" in lines
        assert f"{check.verdict.value:9}It is so" in lines
    elsewhere = Question("Which?", ("this", "that"), 2, "It is another")
    lines = format_answers([Prediction(elsewhere, 2)], result(equals("length", 1, 1))).splitlines()
    assert "  but this run does not show it" in lines and not any("HOLDS" in line for line in lines)
