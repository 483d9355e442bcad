"""What a test session shares: one choice of substrate for all its labs, and one answer to "this machine cannot"."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

import pytest

from badwire.cli.arguments import chosen
from badwire.errors import BadOption, DiskFull, LabError, MachineError
from badwire.options import Options
from badwire.pytest_plugin import require
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
    return chosen(lambda name: config.getoption(f"lab_{name}"))


def progress(text: str) -> None:
    """Progress goes to the test's captured stderr, which pytest shows when the test fails."""
    print(text, file=sys.stderr)


def runner(config: pytest.Config) -> Runner:
    """The session's runner. Raises MachineError; after a first failure always the same one, the first."""
    if RUNNER not in config.stash:
        how = options(config)
        try:
            if how.clock == "virtual":
                there_is_a_kernel()
            config.stash[RUNNER] = Runner(how, progress)
        except MachineError as error:
            config.stash[RUNNER] = error
    found = config.stash[RUNNER]
    if isinstance(found, MachineError):
        raise found
    return found


class Runs:
    """The runs of all the scenarios that have tests in a session, some ahead of their tests if more than one may run
    at once.
    """

    def __init__(self, scenarios: Iterable[Scenario], runner: Runner, jobs: int) -> None:
        self._going = run_each(scenarios, runner, jobs)
        self._ended: dict[Path, Run] = {}

    def outcome(self, wanted: Scenario) -> Run:
        """How a scenario ended; waits for that."""
        while wanted.file not in self._ended:
            scenario, outcome = next(self._going)
            self._ended[scenario.file] = outcome
        return self._ended[wanted.file]

    def close(self) -> None:
        """End what still runs."""
        self._going.close()


def runs(session: pytest.Session, scenarios: Callable[[], Iterable[Scenario]]) -> Runs:
    """The session's runs, of ``scenarios``. Raises MachineError if this machine cannot run any."""
    config = session.config
    if RUNS not in config.stash:
        how = options(config)
        config.stash[RUNS] = Runs(scenarios(), runner(config), how.at_once)
    return config.stash[RUNS]


def close(config: pytest.Config) -> None:
    """End what still runs though the session is over."""
    if RUNS in config.stash:
        config.stash[RUNS].close()


def there_is_a_kernel() -> None:
    """Raises MachineError if the kernel would have to be built first: minutes, of which a session shows nothing."""
    from badwire.uml import cache  # few sessions need it

    if cache.there() is None:
        raise MachineError("There is no kernel for the virtual clock yet; make kernel builds it, once.")


def give_up(config: pytest.Config, error: LabError) -> NoReturn:
    """End the test at hand: skipped where the machine cannot do it and nobody requires that it can, else failed."""
    if isinstance(error, MachineError) and not isinstance(error, DiskFull):
        how = options(config)
        needs = {"netns", "docker"} if how.substrate == "auto" else {how.substrate}
        require.lacking(str(error), needs | {how.engine} | ({"virtual"} if how.clock == "virtual" else set()))
    raise pytest.fail.Exception(str(error), pytrace=False) from None


def substrate(config: pytest.Config) -> Substrate:
    """What the `lab` fixture's hosts live on. Raises MachineError, and BadOption on the virtual clock."""
    clock = runner(config).clock
    if isinstance(clock, RealClock):
        return clock.substrate
    raise BadOption(
        "the `lab` fixture runs in pytest's own process, whose clock is the real one; run all of pytest on the virtual"
        " clock: badwire kernel run -- python -m pytest ..."
    )
