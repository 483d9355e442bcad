"""The job that plays a scenario inside the lab's own kernel."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from badwire.errors import LabError, to_wire
from badwire.linux import libc
from badwire.scenario.play import collect
from badwire.scenario.scenario_file import load
from badwire.scenario.subjects import is_of_system
from badwire.testbed.c_programs import CPrograms
from badwire.testbed.parameters import Parameters
from badwire.testbed.subject import Subject
from badwire.uml import paths
from badwire.uml.guest.job import mount_directory
from badwire.uml.guest.namespaces import substrate_of
from badwire.util import project


def play(
    file: str,
    substrate: str,
    engine: str,
    seed: int,
    snaplen: int,
    parameters: Parameters,
    subjects: Sequence[Mapping[str, Any]],
    env: Mapping[str, str],
    compose: str = "",
    programs: str = "",
    compiler: str = "",
) -> dict[str, str] | None:
    """Play the scenario in ``file``, and record it in the run's folder.

    ``parameters`` has the values of the scenario's parameters, and ``subjects`` the fields of each program under test.
    ``compose`` is the compose file with its hosts; empty: the lab's own.
    ``programs`` is the folder of the reference programs in C, which ``compiler`` has compiled; empty: those in Python.

    Returns:
        The error that ended it early, as errors.to_wire makes it; None if there was none.
    """

    def progress(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    # A copy without compiled modules, since netns_init looks at every file below /run.
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(project.PROGRAMS, paths.PROGRAMS, ignore=ignored, copy_function=shutil.copy)
    folder = programs
    if programs and substrate == "netns":  # the engine does not see what is mounted after its start
        mount_directory(programs, Path(paths.C_PROGRAMS), libc.MS_RDONLY)
        folder = paths.C_PROGRAMS
    try:
        scenario = load(file, Path(compose) if compose else None)
        error = collect(
            replace(scenario, parameters=parameters, subjects=_subjects(subjects, substrate)),
            substrate_of(substrate),
            Path(paths.OUT),
            engine=engine,
            seed=seed,
            snaplen=snaplen,
            env=env,
            programs=CPrograms(Path(folder), compiler) if programs else None,
            progress=progress,
        )
    except LabError as refusal:
        error = refusal
    return None if error is None else to_wire(error)


def _subjects(given: Sequence[Mapping[str, Any]], substrate: str) -> dict[str, Subject]:
    """The programs under test, each at a path that does not depend on where this machine has it."""
    subjects: dict[str, Subject] = {}
    for fields in given:
        subject = Subject(**{**fields, "arguments": tuple(fields["arguments"])})
        file = Path(subject.program)
        # The engine does not see what is mounted after its start.
        if subject.is_own and substrate == "netns" and not is_of_system(file.parent):
            folder = Path(paths.SUBJECTS, subject.name)
            mount_directory(str(file.parent), folder, libc.MS_RDONLY)
            subject = replace(subject, program=str(folder / file.name))
        subjects[subject.name] = subject
    return subjects
