"""What a test session shares: one choice of substrate for all its labs, and one answer to "this machine cannot"."""

import sys
from typing import NoReturn

import pytest

from lab import require
from lab.errors import DiskFull, LabError, MachineError
from lab.runner import Options, Runner

RUNNER = pytest.StashKey[Runner | MachineError]()


def options(config: pytest.Config) -> Options:
    """The session's --lab-... options."""
    return Options(*(config.getoption(f"lab_{name}") for name in ("substrate", "clock", "engine", "seed", "out")))


def progress(text: str) -> None:
    """Progress goes to the test's captured stderr, which pytest shows when the test fails."""
    print(text, file=sys.stderr)


def runner(config: pytest.Config) -> Runner:
    """The session's runner. Raises MachineError; after a first failure always the same one, the first."""
    if RUNNER not in config.stash:
        try:
            config.stash[RUNNER] = Runner(options(config), progress)
        except MachineError as error:
            config.stash[RUNNER] = error
    found = config.stash[RUNNER]
    if isinstance(found, MachineError):
        raise found
    return found


def give_up(config: pytest.Config, error: LabError) -> NoReturn:
    """End the test at hand: skipped where the machine cannot do it and nobody requires that it can, else failed."""
    if isinstance(error, MachineError) and not isinstance(error, DiskFull):
        how = options(config)
        needs = {"netns", "docker"} if how.substrate == "auto" else {how.substrate}
        require.lacking(str(error), needs | {how.engine} | ({"virtual"} if how.clock == "virtual" else set()))
    raise pytest.fail.Exception(str(error), pytrace=False) from None
