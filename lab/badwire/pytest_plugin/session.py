"""What the tests of a session share: the options, one runner and its runs, and the choice between skip and failure."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from badwire.cli import arguments
from badwire.errors import BadOption, DiskFull, LabError, MachineError
from badwire.options import Options
from badwire.pytest_plugin import require
from badwire.pytest_plugin.own_path import own_path
from badwire.pytest_plugin.reports import Reports
from badwire.result.result import Run
from badwire.run.parallel import run_each
from badwire.run.real_clock import RealClock
from badwire.run.runner import Runner
from badwire.scenario.scenario_file import Scenario
from badwire.store.recorder import EVIDENCE
from badwire.substrate.substrate import Substrate
from badwire.testbed.c_programs import CPrograms
from badwire.uml.paths import OUT

if TYPE_CHECKING:
    from badwire.substrate import netns_launcher

RUNNER = pytest.StashKey[Runner | MachineError]()
RUNS = pytest.StashKey["Runs"]()
LAUNCHER: pytest.StashKey["netns_launcher.Launcher"] = pytest.StashKey()


def options(config: pytest.Config) -> Options:
    """Return the values of the --lab-... options."""
    return arguments.options(lambda name: config.getoption(f"lab_{name}"))


def in_kernel() -> bool:
    """Whether this session is that of one test, in a kernel of the virtual clock that another session has booted."""
    return Reports.are_wanted()


def folder_in_kernel(config: pytest.Config) -> Path:
    """The run's folder of the one test of a session on the virtual clock. Raises BadOption if it is in use already."""
    folder = Path(OUT)
    if (folder / EVIDENCE).exists():
        raise BadOption("a test on the virtual clock can have only one lab, and this one has another already; use one.")
    return folder


def progress(text: str) -> None:
    """Print a step to stderr, which pytest captures, and shows if the test fails."""
    print(text, file=sys.stderr)


def runner(config: pytest.Config) -> Runner:
    """Return the runner of the session, made at the first call.

    Raises:
        MachineError: the runner cannot be made. Later calls raise the same error without another attempt.
    """
    if RUNNER not in config.stash:
        run_options = options(config)
        if in_kernel():
            run_options = replace(run_options, clock="real", kernel="")  # the clock of this kernel
        try:
            if run_options.clock == "virtual":
                check_kernel_is_built()
            with own_path():  # the modules of a clock and a substrate are imported when these are chosen
                config.stash[RUNNER] = Runner(run_options, progress)
        except MachineError as error:
            config.stash[RUNNER] = error
    found = config.stash[RUNNER]
    if isinstance(found, MachineError):
        raise found
    return found


class Runs:
    """The runs of all scenarios that have tests in a session. With several jobs, later scenarios run in parallel."""

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
        """End the runs that have not finished."""
        self._outcomes.close()


def runs(session: pytest.Session, scenarios: Callable[[], Iterable[Scenario]]) -> Runs:
    """Return the runs of the session. The first call begins them, of ``scenarios``.

    Raises:
        MachineError: this machine cannot run scenarios.
    """
    config = session.config
    if RUNS not in config.stash:
        jobs = options(config).at_once
        config.stash[RUNS] = Runs(scenarios(), runner(config), jobs)
    return config.stash[RUNS]


def close(config: pytest.Config) -> None:
    """End the runs that have not finished when the session ends, and what its labs share."""
    if RUNS in config.stash:
        config.stash[RUNS].close()
    if LAUNCHER in config.stash:
        config.stash[LAUNCHER].close()


def check_kernel_is_built() -> None:
    """Raise MachineError if the kernel is not built: a build takes minutes, and a session would show no progress."""
    with own_path():
        from badwire.uml import cache  # few sessions need it

    if cache.current_kernel() is None:
        raise MachineError("The kernel of the virtual clock is not built yet; `make kernel` builds it, once.")


def skip_or_fail(config: pytest.Config, error: LabError, needs: Iterable[str] | None = None) -> NoReturn:
    """End the current test: skip it if this machine cannot run it and BADWIRE_REQUIRE allows a skip, else fail it.

    ``needs`` is what a machine needs, by the names that BADWIRE_REQUIRE uses; None for what the options ask for.
    """
    if isinstance(error, MachineError) and not isinstance(error, DiskFull):
        require.lacking(str(error), _needs(options(config)) if needs is None else needs)
    raise pytest.fail.Exception(str(error), pytrace=False) from None


def _needs(run_options: Options) -> list[str]:
    """What a machine needs to run a lab with these options, by the names that BADWIRE_REQUIRE uses."""
    needs = [run_options.engine]
    if run_options.substrate == "auto":
        needs += ["netns", "docker"]
    else:
        needs.append(run_options.substrate)
    if run_options.clock == "virtual":
        needs.append("virtual")
    return needs


def programs(config: pytest.Config) -> CPrograms | None:
    """Return the reference programs in C, if the lab is to run those. Raises MachineError."""
    clock = runner(config).clock
    return clock.programs if isinstance(clock, RealClock) else None


def substrate(config: pytest.Config) -> Substrate:
    """Return the substrate for the `lab` fixture.

    Raises:
        MachineError: this machine cannot run a lab.
        BadOption: the clock is virtual, and this test is not in its kernel.
    """
    clock = runner(config).clock
    if isinstance(clock, RealClock):
        chosen = clock.substrate
        # In a kernel of the virtual clock there is one test only.
        return chosen if chosen.name != "netns" or in_kernel() else _with_launcher(config)
    raise BadOption(
        "this test asked for a lab by getfixturevalue, so the plugin did not know that it needs the virtual clock; name"
        " the fixture among the test's arguments."
    )


def _with_launcher(config: pytest.Config) -> Substrate:
    """The substrate of network namespaces, whose labs are started by one launcher for the whole session."""
    with own_path():
        from badwire.substrate.netns import Netns
        from badwire.substrate.netns_launcher import Launcher

    if LAUNCHER not in config.stash:
        config.stash[LAUNCHER] = Launcher()
    return Netns(config.stash[LAUNCHER].launch)
