"""What saved runs measured: of each scenario the newest run on each kernel."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import BadRun
from badwire.result.result import ClaimResult, Result
from badwire.store import run_folder


@dataclass(frozen=True, order=True)
class Kernel:
    """A kernel that runs were made on, and the clock that they went by."""

    version: tuple[int, ...]
    hz: int
    clock: str

    @classmethod
    def of(cls, result: Result) -> "Kernel | None":
        """By the release's numbers, without what a builder has put behind them; None where they are not on record."""
        release, hz, clock = (result.environment.get(key) for key in ("kernel", "hz", "clock"))
        numbers = re.match(r"\d+(\.\d+)*", str(release))
        return cls(tuple(map(int, numbers[0].split("."))), int(hz), str(clock)) if numbers and hz else None

    def __str__(self) -> str:
        return "Linux " + ".".join(map(str, self.version))


@dataclass(frozen=True)
class Measured:
    """The findings of runs, by scenario and kernel."""

    newest: Mapping[tuple[str, Kernel], Mapping[str, ClaimResult]]

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        return tuple(sorted({kernel for _, kernel in self.newest}))

    def scenarios(self, kernel: Kernel) -> int:
        """How many scenarios ran on a kernel."""
        return sum(each == kernel for _, each in self.newest)

    def findings(self, scenario: str, claim: str) -> tuple[tuple[Kernel, ClaimResult], ...]:
        """What became of a claim on each kernel on which it was judged."""
        found = ((kernel, self.newest.get((scenario, kernel), {}).get(claim)) for kernel in self.kernels)
        return tuple((kernel, finding) for kernel, finding in found if finding is not None)


NOTHING = Measured({})


def measured(bases: Sequence[Path]) -> Measured:
    """Look for runs in these folders. A run that broke off, or whose result cannot be read, is as if it were not there.

    Raises:
        BadRun: there is no such folder.
    """
    if missing := next((base for base in bases if not base.is_dir()), None):
        raise BadRun(f"{missing} is no folder: give one with runs in it, such as runs, or a run's own.")
    newest: dict[tuple[str, Kernel], Mapping[str, ClaimResult]] = {}
    for folder in run_folder.found_in(bases):
        with contextlib.suppress(BadRun):
            result = Result.load(folder)
            if result.error is None and (kernel := Kernel.of(result)):
                newest[result.scenario, kernel] = {each.name: each for each in result.claims}
    return Measured(newest)
