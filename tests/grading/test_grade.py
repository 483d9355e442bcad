"""Points from verdicts: which UNKNOWN costs points, and which is the lab's own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from badwire.claims.check import Check, equals, never, not_recorded, seen, unknown
from badwire.errors import ClockStopped, LabError, ProgramFailed, RunError, SubjectFailed
from badwire.evidence.records import Records
from badwire.grading.grade import GRADED, NOT_JUDGED, Grade, of_run
from badwire.result.result import CheckResult, ClaimResult, Result, Run
from badwire.scenario import exercise_file
from badwire.scenario.exercise_file import Exercise
from badwire.util.sentence import Sentence

EXERCISE = exercise_file.load("echo")
FIRST = EXERCISE.claims[0]
NOTHING: Records[bytes] = Records((), "segments", "no segment was recorded")


class Incomplete:
    """A run whose capture is not complete."""

    capture_is_complete = False
    unseen = ()


def run_with(first: Check, instrument: Check | None = None, error: LabError | None = None) -> Run:
    """A run in which every claim holds but the first, which has this check."""
    holds = equals("it", 1, 1)
    claims = [_claim(claim.name, holds) for claim in EXERCISE.claims]
    claims[0] = _claim(FIRST.name, first)
    about_the_lab = replace(_claim("frames", instrument or holds), instrument=True)
    result = Result("echo", "", "", "FAILS", 1, (*claims, about_the_lab), {})
    return Run(Path("run"), result, error)


def _claim(name: str, check: Check) -> ClaimResult:
    return ClaimResult(name, name, check.verdict.value, (CheckResult.of(check),), ("x",))


def graded(run: Run) -> Grade:
    claims, reason = of_run(EXERCISE, run)
    return Grade("ada", claims, reason)


@pytest.mark.parametrize(
    ("check", "why"),
    [
        (equals("the answer", b"x", b"y"), "the answer: measured b'x', expected b'y'"),
        (equals("the answer", None, b"y"), "the answer: expected b'y', not recorded in this run"),
        (seen("an RST", NOTHING), "an RST: expected at least 1 segment, no segment was recorded"),
        (not_recorded("the close", Sentence("no FIN was recorded")), "the close: no FIN was recorded"),
    ],
)
def test_what_differs_or_did_not_happen_costs_the_points(check: Check, why: str) -> None:
    grade = graded(run_with(check))
    assert (grade.score, grade.max_score, grade.status) == (10 - FIRST.points, 10, GRADED)
    assert grade.claims[0].score == 0 and grade.claims[0].why == why


@pytest.mark.parametrize(
    "check",
    [
        unknown("the claim itself", "it raised ValueError"),
        never("an RST", NOTHING, Incomplete()),
    ],
)
def test_what_the_lab_could_not_decide_is_not_judged(check: Check) -> None:
    grade = graded(run_with(check))
    assert (grade.score, grade.status) == (10 - FIRST.points, NOT_JUDGED)
    assert grade.claims[0].score is None


def test_a_missing_record_costs_nothing_if_the_record_is_not_complete() -> None:
    run = run_with(equals("it", None, 1), instrument=unknown("frames", "some were lost"))
    grade = graded(run)
    assert grade.claims[0].score is None and "the record of the run is not complete" in grade.claims[0].why


@pytest.mark.parametrize(
    ("error", "score", "status"),
    [
        (SubjectFailed("server ended at once"), 0, GRADED),
        (ClockStopped("it spins"), 0, GRADED),
        (ProgramFailed("send_and_verify ended at once"), 0, NOT_JUDGED),
        (RunError("the kernel was killed"), 0, NOT_JUDGED),
    ],
)
def test_a_run_that_ended_early_is_a_zero_only_by_the_program_under_test(
    error: LabError, score: float, status: str
) -> None:
    grade = graded(run_with(equals("it", 1, 1), error=error))
    assert (grade.score, grade.status) == (score, status)
    assert grade.reason


def test_a_grade_survives_its_file() -> None:
    grade = replace(graded(run_with(equals("it", 1, 2))), run="run/echo/1", seconds=1.5, key="k")
    assert Grade.from_json(grade.to_json()) == grade


Change = Callable[[str], str]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace("points=2,", ""), "has no points"),
        (lambda text: text.replace("    hint=", "    hint='' and"), "has no hint"),
        (lambda text: text.replace("EXERCISE = exercise(", "dict("), "has no exercise"),
        (lambda text: text.replace(', subjects={"server": "{port}"}', ""), "has no program under test"),
        (lambda text: text.replace("exercise(build", "exercise(memory=0, build"), "memory= must be a whole number"),
        (lambda text: text.replace("exercise(build", "exercise(run_seconds=0, build"), "run_seconds= must be a number"),
        (lambda text: text.replace('{"*.c": "cc', '{"": "cc'), "build= must be a mapping"),
        (lambda text: text.replace("points=2,", "points=-1,"), "points= must be a finite number"),
    ],
)
def test_a_mistake_in_an_exercise_is_one_sentence(tmp_path: Path, change: Change, sentence: str) -> None:
    text = EXERCISE.scenario.file.read_text()
    changed = change(text)
    assert changed != text
    file = tmp_path / "mine.py"
    file.write_text(changed)
    with pytest.raises(LabError, match=sentence):
        exercise_file.load(str(file))


def test_no_exercise_has_the_name_of_a_scenario() -> None:
    from badwire.scenario import scenario_file

    assert not set(scenario_file.names()) & set(exercise_file.names())
    assert isinstance(EXERCISE, Exercise)
