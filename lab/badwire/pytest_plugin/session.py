"""What the tests of a session share: the options, one runner, and how a test ends that this machine cannot run."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

import pytest

from badwire.cli import arguments
from badwire.errors import BadOption, DiskFull, LabError, MachineError
from badwire.options import Options
from badwire.pytest_plugin import require
from badwire.pytest_plugin.own_path import own_path
from badwire.result.result import Run
from badwire.run.parallel import run_each
from badwire.run.real_clock import RealClock
from badwire.run.runner import Runner
from badwire.scenario.scenario_file import Scenario
from badwire.substrate.substrate import Substrate

RUNNER = pytest.StashKey[Runner | MachineError]()
RUNS = pytest.StashKey["Runs"]()


def options(config: pytest.Config) -> Options:
    """The session's --lab-... options."""
    return arguments.options(lambda name: config.getoption(f"lab_{name}"))


def progress(text: str) -> None:
    """Progress goes to the test's captured stderr, which pytest shows when the test fails."""
    print(text, file=sys.stderr)


def runner(config: pytest.Config) -> Runner:
    """The session's runner. Raises MachineError; after a first failure, the same error each time."""
    if RUNNER not in config.stash:
        how = options(config)
        try:
            if how.clock == "virtual":
                check_kernel_is_built()
            with own_path():  # what a clock and a substrate need is imported when they are chosen
                config.stash[RUNNER] = Runner(how, progress)
        except MachineError as error:
            config.stash[RUNNER] = error
    found = config.stash[RUNNER]
    if isinstance(found, MachineError):
        raise found
    return found


class Runs:
    """The runs of all scenarios that have tests in a session; with several jobs, runs are ahead of their tests."""

    def __init__(self, scenarios: Iterable[Scenario], runner: Runner, jobs: int) -> None:
        self._outcomes = run_each(scenarios, runner, jobs)
        self._finished: dict[Path, Run] = {}

    def outcome(self, wanted: Scenario) -> Run:
        """Wait until a scenario has been run, and return its run."""
        while wanted.file not in self._finished:
            scenario, outcome = next(self._outcomes)
            self._finished[scenario.file] = outcome
        return self._finished[wanted.file]

    def close(self) -> None:
        """End the runs that are left."""
        self._outcomes.close()


def runs(session: pytest.Session, scenarios: Callable[[], Iterable[Scenario]]) -> Runs:
    """The session's runs of ``scenarios``. Raises MachineError if this machine cannot run any."""
    config = session.config
    if RUNS not in config.stash:
        how = options(config)
        config.stash[RUNS] = Runs(scenarios(), runner(config), how.at_once)
    return config.stash[RUNS]


def close(config: pytest.Config) -> None:
    """End the runs that are left when the session ends."""
    if RUNS in config.stash:
        config.stash[RUNS].close()


def check_kernel_is_built() -> None:
    """Raise MachineError if the kernel is not built: a build takes minutes, and a session would show no progress."""
    with own_path():
        from badwire.uml import cache  # few sessions need it

    if cache.there() is None:
        raise MachineError("The kernel of the virtual clock is not built yet; make kernel builds it, once.")


def give_up(config: pytest.Config, error: LabError) -> NoReturn:
    """End the current test: skip it if this machine cannot run it and BADWIRE_REQUIRE allows a skip, else fail it."""
    if isinstance(error, MachineError) and not isinstance(error, DiskFull):
        how = options(config)
        needs = {"netns", "docker"} if how.substrate == "auto" else {how.substrate}
        require.lacking(str(error), needs | {how.engine} | ({"virtual"} if how.clock == "virtual" else set()))
    raise pytest.fail.Exception(str(error), pytrace=False) from None


def substrate(config: pytest.Config) -> Substrate:
    """The substrate of the `lab` fixture. Raises MachineError, and BadOption on the virtual clock."""
    clock = runner(config).clock
    if isinstance(clock, RealClock):
        return clock.substrate
    raise BadOption(
        "the `lab` fixture runs in pytest's own process, whose clock is the real one; run all of pytest on the virtual"
        " clock: badwire kernel run -- python -m pytest ..."
    )
