"""Pages for students: the task sheet of an exercise, and how a submission was graded. Neither shows hidden claims."""

import shlex
from pathlib import Path
from typing import Any

import jinja2

from badwire.grading.files import PAGE, number
from badwire.grading.grade import Grade
from badwire.options import Options
from badwire.scenario.exercise_file import Exercise
from badwire.util import files, project

_TEMPLATE = Path(__file__).with_name("page.html")
_REPORT = "report.html"


def task_sheet(exercise: Exercise) -> str:
    """The task as a page of HTML."""
    visible = [claim for claim in exercise.claims if not claim.hidden]
    return _render(
        exercise,
        title=exercise.scenario.title,
        grade=None,
        claims=visible,
        task=exercise.scenario.lesson,
        building=how_built(exercise),
        report="",
        command=command(exercise, Options(clock="virtual")),
    )


def task_text(exercise: Exercise) -> str:
    """The task as plain text."""
    width = max(len(number(claim.points)) for claim in exercise.claims)
    lines = [exercise.scenario.title, "", exercise.scenario.lesson, "", how_built(exercise), ""]
    for claim in exercise.claims:
        if not claim.hidden:
            lines.append(f"{number(claim.points):>{width}}  {claim.title}")
    lines += ["", f"At home: {command(exercise, Options(clock='virtual'))}"]
    return "\n".join(lines)


def how_built(exercise: Exercise) -> str:
    """What is handed in, and how it is built, as sentences."""
    names = " and ".join(f"`{name}`" for name in exercise.subjects)
    text = f"Hand in a folder with an executable {names}, which is taken as it is"
    for pattern, built in exercise.building.build.items():
        text += f"; with files {pattern} it is built by `{built}`"
    return text + "."


def write(folder: Path, exercise: Exercise, grade: Grade, options: Options) -> None:
    """Write a submission's page. Raises OSError."""
    visible = [claim for claim in grade.claims if not claim.hidden]
    report = ""
    if grade.run and len(visible) == len(grade.claims):  # the run's report shows every claim
        report = f"{grade.run}/{_REPORT}"
    text = _render(
        exercise,
        title=f"{exercise.scenario.title}: {grade.submission}",
        grade=grade,
        claims=visible,
        task="",
        building="",
        report=report,
        command=command(exercise, options),
    )
    files.atomic_write(folder / PAGE, text)


def command(exercise: Exercise, options: Options) -> str:
    """The command that runs a program in the same way on a student's machine."""
    file = exercise.scenario.file
    words = ["badwire", "run", exercise.name if file.parent == project.EXERCISES else f"./{file.name}"]
    for name in exercise.subjects:
        words += ["--subject", f"{name}=./{name}"]
    words += ["--clock", options.clock, "--seed", str(options.seed)]
    if options.substrate != "auto":
        words += ["--substrate", options.substrate]
    if options.kernel:
        words += ["--kernel", options.kernel]
    return shlex.join(words)


def _render(exercise: Exercise, **values: Any) -> str:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    hidden = [claim for claim in exercise.claims if claim.hidden]
    points = sum(claim.points for claim in hidden)
    return template.render(points=number, hidden=len(hidden), hidden_points=points, **values)
