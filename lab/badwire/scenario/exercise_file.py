"""Exercises: scenarios with a program under test, a task, and claims that have points.

An exercise is a scenario's file in which `EXERCISE = exercise(...)` says how submissions are built, and their limits.
Its docstring is the task.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from badwire.claims.claim import Claim
from badwire.errors import BadOption, RequestError, UnknownScenario
from badwire.options import LEAST_MEMORY, MEMORY, MOST_MEMORY
from badwire.scenario import scenario_file
from badwire.scenario.scenario_file import Scenario
from badwire.util import project
from badwire.util.suggestion import did_you_mean

BUILD_SECONDS = 60.0  # s of real time; what a course builds takes a few
RUN_SECONDS = 120.0  # s of real time; a run of the lab's exercises takes about ten
LONGEST = 86400.0  # s; a day


@dataclass(frozen=True)
class Building:
    """How submissions are built, and their limits. The fields are the arguments of ``exercise``."""

    build: Mapping[str, str] = field(default_factory=dict)
    build_seconds: float = BUILD_SECONDS
    run_seconds: float = RUN_SECONDS
    memory: int = MEMORY


def exercise(
    *,
    build: Mapping[str, str] | None = None,
    build_seconds: float = BUILD_SECONDS,
    run_seconds: float = RUN_SECONDS,
    memory: int = MEMORY,
) -> Building:
    """Declare a scenario's file to be an exercise: ``EXERCISE = exercise(build={"*.c": "cc -o server *.c"})``.

    Args:
        build: shell commands by a pattern of file names. The first one whose pattern a file of the submission matches
            is executed in a copy of the submission, and makes the file that is named for the program under test.
            Without a match the submission is taken as it is.
        build_seconds: how long a build may take, in seconds of real time.
        run_seconds: after how many seconds of real time a run is ended.
        memory: of the virtual clock's kernel, in MB.

    Raises:
        BadOption: an argument has a wrong type, or a limit is none.
    """
    commands = {} if build is None else build
    is_text = isinstance(commands, Mapping) and all(
        isinstance(pattern, str) and isinstance(command, str) and pattern and command.strip()
        for pattern, command in commands.items()
    )
    if not is_text:
        raise BadOption(
            f'build= must be a mapping from patterns to commands, such as {{"*.c": "cc -o server *.c"}}, not'
            f" {build!r:.200}."
        )
    for name, seconds in {"build_seconds": build_seconds, "run_seconds": run_seconds}.items():
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST:
            raise BadOption(f"{name}= must be a number of seconds above 0, at most {LONGEST:g}, not {seconds!r:.40}.")
    if isinstance(memory, bool) or not isinstance(memory, int) or not LEAST_MEMORY <= memory <= MOST_MEMORY:
        raise BadOption(
            f"memory= must be a whole number of MB from {LEAST_MEMORY} to {MOST_MEMORY}, not {memory!r:.40}."
        )
    return Building(build=dict(commands), build_seconds=build_seconds, run_seconds=run_seconds, memory=memory)


@dataclass(frozen=True)
class Exercise:
    """An exercise as loaded from its file: a scenario whose claims have points, and how submissions are built."""

    scenario: Scenario
    building: Building

    @property
    def name(self) -> str:
        return self.scenario.name

    @property
    def claims(self) -> tuple[Claim, ...]:
        return self.scenario.claims

    @property
    def subjects(self) -> Mapping[str, str]:
        """The arguments of each program under test, by its name."""
        return self.scenario.declared.subjects

    @property
    def max_score(self) -> float:
        return sum(claim.points for claim in self.claims)


def names() -> list[str]:
    """The names of the exercises that come with the lab, in alphabetical order."""
    return scenario_file.exercise_names()


def load(name: str) -> Exercise:
    """Load an exercise, given its name or a path to its file.

    Raises:
        UnknownScenario: there is no such exercise.
        RequestError: the file cannot be loaded, or it is not an exercise: one with a program under test, and with
            points and a hint for each claim.
    """
    scenario = scenario_file.load(str(_find(name)))
    declared = [value for value in vars(scenario_file.module_of(scenario)).values() if isinstance(value, Building)]
    file = scenario.file
    if len(declared) != 1:
        raise RequestError(
            f"{file} is not an exercise: it has {len(declared) or 'no'} exercise(...), and needs exactly one, as in"
            " EXERCISE = exercise()."
        )
    if not scenario.declared.subjects:
        raise RequestError(f'{file} has no program under test; declare it with subjects={{"server": "{{port}}"}}.')
    for claim in scenario.claims:
        if not claim.points:
            raise RequestError(f"The claim {claim.name} of {file} has no points; give it some with points=.")
        if not claim.hint:
            raise RequestError(
                f"The claim {claim.name} of {file} has no hint; say with hint= what a program does that fails it."
            )
    return Exercise(scenario, declared[0])


def _find(name: str) -> Path:
    if name.endswith(".py") or "/" in name:
        return scenario_file.find(name)
    known = names()
    if name not in known:
        listed = ", ".join(known) or "none yet"
        hint = did_you_mean(name, known, otherwise=f"there are: {listed}.")
        raise UnknownScenario(f"There is no exercise {name!r}: {hint}")
    return project.EXERCISES / f"{name}.py"
