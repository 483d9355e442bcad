"""The real clock: plays scenarios on this machine's own kernel, in real time."""

from collections.abc import Callable
from pathlib import Path

from badwire.errors import LabError
from badwire.maintenance import cleanup
from badwire.options import Options
from badwire.scenario.play import collect
from badwire.scenario.scenario_file import Scenario
from badwire.scenario.subjects import check_interpreters
from badwire.substrate import select
from badwire.substrate.substrate import Substrate
from badwire.testbed.c_programs import compiled


class RealClock:
    """Plays scenarios in real time.

    The constructor selects the substrate, and removes what dead runs left.

    Raises:
        MachineError: no substrate works on this machine, or the one that the options name does not; or the programs
            cannot be compiled.
    """

    def __init__(self, options: Options, report: Callable[[str], None]) -> None:
        self.options = options
        self._report = report
        self.programs = compiled(report) if options.lang == "c" else None
        self.substrate: Substrate = select.choose(options.substrate, report)
        for removed in cleanup.clean():
            report(removed)

    def play(self, scenario: Scenario, folder: Path) -> LabError | None:
        """See badwire.run.runner.Clock."""
        options = self.options
        if self.substrate.name == "netns":  # a container has interpreters of its own
            check_interpreters(scenario.subjects)
        return collect(
            scenario,
            self.substrate,
            folder,
            engine=options.engine,
            seed=options.seed,
            programs=self.programs,
            snaplen=options.snaplen,
            env=options.env,
            progress=self._report,
        )
