"""How a scenario is played: here and now, on this machine's own kernel and clock."""

from collections.abc import Callable
from pathlib import Path

from badwire.errors import LabError
from badwire.maintenance import cleanup
from badwire.options import Options
from badwire.scenario.play import collect
from badwire.scenario.scenario_file import Scenario
from badwire.substrate import select
from badwire.substrate.substrate import Substrate


class RealClock:
    """This machine's own. The substrate is chosen, and what dead runs left is removed, once, before the first run.

    Raises MachineError if this machine cannot have hosts.
    """

    def __init__(self, options: Options, tell: Callable[[str], None]) -> None:
        self.options, self.tell = options, tell
        self.substrate: Substrate = select.choose(options.substrate, tell)
        for told in cleanup.clean():
            tell(told)

    def play(self, scenario: Scenario, folder: Path) -> LabError | None:
        """See badwire.run.runner.Clock."""
        how = self.options
        return collect(scenario, self.substrate, folder, engine=how.engine, seed=how.seed, tell=self.tell)
