"""Reads the measurements of saved runs: those of the newest run of each scenario on each kernel."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import BadRun
from badwire.result.result import ClaimResult, Result
from badwire.store import run_folder


@dataclass(frozen=True, order=True)
class KernelOfRun:
    """A kernel that runs were made on: its version, its HZ (ticks a second), and its clock, "real" or "virtual"."""

    version: tuple[int, ...]
    hz: int
    clock: str

    @classmethod
    def of(cls, result: Result) -> "KernelOfRun | None":
        """Return the kernel of a result, or None if it was not recorded. The suffix of the release is left out."""
        hz = result.environment.get("hz")
        numbers = re.match(r"\d+(\.\d+)*", str(result.environment.get("kernel")))
        if numbers is None or not hz:
            return None
        version = tuple(map(int, numbers[0].split(".")))
        return cls(version, int(hz), str(result.environment.get("clock")))

    def __str__(self) -> str:
        return "Linux " + ".".join(map(str, self.version))


@dataclass(frozen=True)
class Measurements:
    """The results of claims by name, for each scenario and kernel."""

    newest: Mapping[tuple[str, KernelOfRun], Mapping[str, ClaimResult]]

    @property
    def kernels(self) -> tuple[KernelOfRun, ...]:
        """All kernels, sorted by version, the oldest first."""
        return tuple(sorted({kernel for _, kernel in self.newest}))

    def scenarios(self, kernel: KernelOfRun) -> int:
        """Return how many scenarios ran on a kernel."""
        return sum(each == kernel for _, each in self.newest)

    def of(self, scenario: str, claim: str) -> tuple[tuple[KernelOfRun, ClaimResult], ...]:
        """Return the result of a claim on each kernel that it was judged on."""
        judged = []
        for kernel in self.kernels:
            result = self.newest.get((scenario, kernel), {}).get(claim)
            if result is not None:
                judged.append((kernel, result))
        return tuple(judged)


NO_MEASUREMENTS = Measurements({})


def read_measurements(bases: Sequence[Path]) -> Measurements:
    """Read the runs in these folders, except those that ended early or whose result cannot be read.

    Raises:
        BadRun: one of the folders does not exist.
    """
    for base in bases:
        if not base.is_dir():
            raise BadRun(f"{base} is not a directory: name one with runs in it, such as runs, or a run's own.")
    newest: dict[tuple[str, KernelOfRun], Mapping[str, ClaimResult]] = {}
    for folder in run_folder.found_in(bases):
        with contextlib.suppress(BadRun):
            result = Result.load(folder)
            kernel = KernelOfRun.of(result)
            if result.error is None and kernel is not None:
                newest[result.scenario, kernel] = {each.name: each for each in result.claims}
    return Measurements(newest)
