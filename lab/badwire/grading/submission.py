"""One submission: a folder with a file for each program under test, or with sources that a command builds to it."""

import fnmatch
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from badwire.errors import BadOption, ProgramNotFound, RunError
from badwire.scenario.exercise_file import Exercise
from badwire.scenario.scenario_file import Scenario
from badwire.uml.guest.build import BUILT, SUBMISSION
from badwire.util import tree

PROGRAM = "program"  # the folder of the submission's grade in which the programs are
BUILD_LOG = "build.txt"
_WORK = "build"  # the folder in which it is built
_QUOTED = 1500  # characters of the compiler's words that a student reads

# Builds the folder "submission" to "built", and returns the command's status and its output.
Build = Callable[[str, Path], tuple[int, str]]


class SubmissionFault(Exception):
    """The submission itself is the reason for its zero; the text says what is wrong, for the student."""


def found(paths: list[str]) -> dict[str, Path]:
    """The submissions by name, which is that of the folder.

    Raises:
        BadOption: a path is not a folder, or two have the same name.
    """
    submissions: dict[str, Path] = {}
    for path in paths:
        folder = Path(os.path.abspath(path))
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise BadOption(f"The submission {path} {what}; name folders that each hold one submission.")
        if folder.name in submissions:
            raise BadOption(
                f"Two submissions are called {folder.name}, {submissions[folder.name]} and {folder}; grade them into"
                " two folders (--out)."
            )
        submissions[folder.name] = folder
    return submissions


def command_for(exercise: Exercise, names: list[str]) -> str:
    """The command that builds a submission with these files; empty if it is taken as it is."""
    for pattern, command in exercise.building.build.items():
        if fnmatch.filter(names, pattern):
            return command
    return ""


def prepared(exercise: Exercise, source: Path, folder: Path, build: Build, step: Callable[[str], None]) -> Scenario:
    """Copy a submission into the folder of its grade, build it, and return the scenario with its programs under test.

    Raises:
        SubmissionFault: it cannot be copied or built, or lacks a program that can be executed.
        LabError: the lab failed.
    """
    program = folder / PROGRAM
    work = folder / _WORK
    for leftover in (program, work):
        shutil.rmtree(leftover, ignore_errors=True)
    work.mkdir()
    try:
        tree.copy(source, work / SUBMISSION)
    except tree.TooLarge as error:
        raise SubmissionFault(f"the submission is not taken: {error}") from None
    result = work / SUBMISSION
    command = command_for(exercise, os.listdir(result))
    if command:
        step("building")
        output = _built(exercise, command, work, build)
        (folder / BUILD_LOG).write_text(output, encoding="utf-8", errors="backslashreplace")
        result = work / BUILT
    result.rename(program)
    shutil.rmtree(work)
    return exercise.scenario.with_subjects(_subjects(exercise, program))


def _built(exercise: Exercise, command: str, work: Path, build: Build) -> str:
    """Build a submission, and return what the command wrote. Raises SubmissionFault, LabError."""
    for name in exercise.subjects:
        file = work / SUBMISSION / name
        if file.is_symlink() or file.is_file():
            file.unlink()  # it was built elsewhere, perhaps from other sources
    status, output = build(command, work)
    if status:
        words = output.strip()[:_QUOTED] or f"it ended with status {status}"
        raise SubmissionFault(f"it does not build with `{command}`: {words}")
    return output


def _subjects(exercise: Exercise, program: Path) -> Mapping[str, str]:
    """The path of each program under test. Raises SubmissionFault if one cannot be executed."""
    paths: dict[str, str] = {}
    for name in exercise.subjects:
        path = program / name
        if path.is_symlink() and not path.resolve().is_relative_to(program.resolve()):
            raise SubmissionFault(f"{name} is a symbolic link that leaves the submission; hand in the file itself")
        if not path.exists():
            listed = ", ".join(sorted(os.listdir(program))[:20]) or "nothing"
            raise SubmissionFault(f"there is no file {name} in the submission, which has {listed}")
        paths[name] = str(path)
    try:
        exercise.scenario.with_subjects(paths)
    except ProgramNotFound as error:
        raise SubmissionFault(str(error).replace(f"{program}{os.sep}", "")) from None
    return paths


def build_here(seconds: float) -> Build:
    """A build on this machine, for submissions that the teacher trusts; it may take so many seconds of real time."""

    def build(command: str, folder: Path) -> tuple[int, str]:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=folder / SUBMISSION,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise RunError(f"`{command}` took longer than {seconds:g} s.") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        tree.copy(folder / SUBMISSION, folder / BUILT)
        return process.returncode, output.decode("utf-8", "replace")

    return build
