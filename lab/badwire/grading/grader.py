"""Grades submissions side by side, each in a process of its own, and writes each result as soon as there is one.

A folder of grades has grades.csv and grades.json, and a folder for each submission:

    OUT/NAME/index.html     the student's page
    OUT/NAME/grade.json     the grade, which makes the submission be left alone the next time
    OUT/NAME/program/       the submission as it was built
    OUT/NAME/build.txt      what the build wrote
    OUT/NAME/run/           the run
"""

import hashlib
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from badwire.errors import BadOption, LabError
from badwire.grading import files as results
from badwire.grading import pages
from badwire.grading.grade import Grade, not_judged, of_run, zero
from badwire.grading.submission import Build, SubmissionFault, build_here, prepared
from badwire.options import Options
from badwire.run.parallel import Task, in_processes
from badwire.run.runner import Runner
from badwire.scenario.exercise_file import Exercise
from badwire.store import run_folder
from badwire.util import files, locks, tree

GRADE = "grade.json"
RUN = "run"


@dataclass(frozen=True)
class Graded:
    """A grade, and whether it is from before."""

    grade: Grade
    is_former: bool


class Grader:
    """Grades submissions of one exercise with the same options.

    Args:
        exercise: the exercise.
        options: of the runs; ``out`` is the folder of grades.
        report: called with each step that concerns all submissions.

    Raises:
        MachineError: this machine cannot run the exercise with these options.
    """

    def __init__(self, exercise: Exercise, options: Options, report: Callable[[str], None]) -> None:
        self.exercise = exercise
        self.options = options
        exercise.scenario.check()
        if why := exercise.scenario.why_not_on(options.clock):
            raise BadOption(why)
        Runner(options, report)  # what all runs need is there, or is refused, before the first one
        self._key = hashlib.sha256(
            repr(
                (
                    exercise.scenario.file.read_bytes(),
                    options.clock,
                    options.substrate,
                    options.engine,
                    options.kernel,
                    options.seed,
                    options.memory,
                )
            ).encode()
        ).hexdigest()

    def grade_all(self, submissions: dict[str, Path], jobs: int, step: Callable[[str, str], None]) -> Generator[Graded]:
        """Grade submissions, and yield each grade as it is made; those that were graded before come first.

        Args:
            submissions: their folders by name.
            jobs: how many at a time.
            step: called with a submission's name and each step of its progress.
        """
        grades: dict[str, Grade] = {}
        tasks: dict[Task, str] = {}
        with _locked(self.options.out, list(submissions.values())):
            for name, source in submissions.items():
                former = self._former(name, source)
                if former is None:
                    tasks[self._task(name, source)] = name
                else:
                    grades[name] = former
                    yield Graded(former, True)
            self._write(grades, submissions)
            with closing(in_processes(tasks, jobs, step)) as ended:
                for task, result in ended:
                    name = tasks[task]
                    grade = result if isinstance(result, Grade) else self._killed(name)
                    self._keep(grade)
                    grades[name] = grade
                    self._write(grades, submissions)
                    yield Graded(grade, False)

    def _task(self, name: str, source: Path) -> Task:
        return Task(name, lambda send: self._grade(name, source, send))

    def _grade(self, name: str, source: Path, step: Callable[[str], None]) -> Grade:
        """Build, run and judge one submission."""
        began = time.monotonic()
        folder = self._folder(name)
        run = ""
        key = ""
        try:
            with run_folder.writing(folder):
                folder.mkdir(exist_ok=True)
                key = self._key_of(source)
                options = replace(self.options, out=folder / RUN)
                runner = Runner(options, step)
                scenario = prepared(self.exercise, source, folder, self._build(step), step)
            outcome = runner.run(scenario)
            claims, reason = of_run(self.exercise, outcome)
            if outcome.folder is not None:
                run = str(outcome.folder.relative_to(folder))
        except SubmissionFault as fault:
            reason = str(fault)
            claims = zero(self.exercise, reason)
        except LabError as error:
            reason = str(error)
            claims = not_judged(self.exercise, reason)
        seconds = round(time.monotonic() - began, 1)
        return Grade(name, claims, reason, seconds, run, key)

    def _build(self, step: Callable[[str], None]) -> Build:
        seconds = self.exercise.building.build_seconds
        if self.options.clock != "virtual":
            return build_here(seconds)
        from badwire.uml.clock import VirtualClock

        return VirtualClock(replace(self.options, limit=seconds), step).build

    def _folder(self, name: str) -> Path:
        return self.options.out / name

    def _key_of(self, source: Path) -> str:
        try:
            return f"{self._key}-{tree.digest(source)}"
        except tree.TooLarge:
            return ""

    def _former(self, name: str, source: Path) -> Grade | None:
        """The grade from before, if it was judged, and nothing that it depends on has changed."""
        try:
            grade = Grade.from_json(files.read_json_object(self._folder(name) / GRADE))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        is_same = grade.key and grade.key == self._key_of(source)
        return grade if is_same and grade.status == results.GRADED else None

    def _killed(self, name: str) -> Grade:
        reason = "the process that graded it was killed; grade it again"
        self._folder(name).mkdir(exist_ok=True)
        return Grade(name, not_judged(self.exercise, reason), reason)

    def _keep(self, grade: Grade) -> None:
        folder = self._folder(grade.submission)
        with run_folder.writing(folder):
            pages.write(folder, self.exercise, grade, self.options)
            results.write_json(folder / GRADE, grade.to_json())

    def _write(self, grades: dict[str, Grade], submissions: dict[str, Path]) -> None:
        """Write the tables of the grades so far, in the order of the submissions."""
        in_order = [grades[name] for name in submissions if name in grades]
        with run_folder.writing(self.options.out):
            results.write_tables(self.options.out, self.exercise, in_order)


@contextmanager
def _locked(out: Path, submissions: list[Path]) -> Iterator[None]:
    """Make the folder of grades, and let no other command grade into it during the block.

    Raises:
        BadOption: it is no folder of grades, or it has submissions in it, or another command uses it.
        DiskFull: it cannot be written.
    """
    for submission in submissions:
        resolved, target = submission.resolve(), out.resolve()
        if resolved.is_relative_to(target) or target.is_relative_to(resolved):
            raise BadOption(f"{out} and the submission {submission} are in each other; name another folder with --out.")
    if out.is_dir() and any(out.iterdir()) and not (out / results.JSON).is_file():
        raise BadOption(f"{out} has other things than grades in it; name another folder with --out.")
    with run_folder.writing(out, any_error=True):
        out.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not locks.try_lock(descriptor):
            raise BadOption(f"Another command grades into {out}; wait until it ends, or name another with --out.")
        yield
    finally:
        os.close(descriptor)
