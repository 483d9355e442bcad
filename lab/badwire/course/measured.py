"""Reads the measurements of saved runs: those of the newest run of each scenario on each kernel."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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
        environment = result.environment
        hz = environment.get("hz")
        release = str(environment.get("kernel"))
        matched = re.match(r"\d+(\.\d+)*", release)
        if matched is None or not hz:
            return None
        version = tuple(int(number) for number in matched[0].split("."))
        clock = str(environment.get("clock"))
        return cls(version, int(hz), clock)

    def __str__(self) -> str:
        version = ".".join(str(number) for number in self.version)
        return f"Linux {version}"


class Measurement(NamedTuple):
    """The result of a claim on a kernel."""

    kernel: KernelOfRun
    result: ClaimResult


ResultsByRun = Mapping[tuple[str, KernelOfRun], Mapping[str, ClaimResult]]


class CheckOfClaim(NamedTuple):
    """A check, by the names of its scenario, its claim and its own."""

    scenario: str
    claim: str
    check: str


@dataclass(frozen=True)
class Measurements:
    """The results of claims by name, for each scenario and kernel.

    ``random`` are the checks that expect different values in runs on one kernel, on the virtual clock: then the seed
    makes the difference.
    """

    newest: ResultsByRun
    random: frozenset[CheckOfClaim] = frozenset()

    @property
    def kernels(self) -> tuple[KernelOfRun, ...]:
        """All kernels, sorted by version, the oldest first."""
        kernels = {kernel for _, kernel in self.newest}
        return tuple(sorted(kernels))

    def scenarios(self, kernel: KernelOfRun) -> int:
        """Return how many scenarios ran on a kernel."""
        return sum(kernel == other for _, other in self.newest)

    def of(self, scenario: str, claim: str) -> tuple[Measurement, ...]:
        """Return the result of a claim on each kernel that it was judged on."""
        measurements = []
        for kernel in self.kernels:
            results = self.newest.get((scenario, kernel))
            if results is not None and claim in results:
                measurements.append(Measurement(kernel, results[claim]))
        return tuple(measurements)


NO_MEASUREMENTS = Measurements({})


def read_measurements(bases: Sequence[Path]) -> Measurements:
    """Read the runs in these folders, except those that ended early or whose result cannot be read.

    Raises:
        BadRun: one of the folders does not exist.
    """
    for base in bases:
        if not base.is_dir():
            raise BadRun(f"{base} is not a directory: name a folder with runs in it, such as runs, or a run's folder.")
    newest = {}
    wanted: dict[tuple[KernelOfRun, CheckOfClaim], set[str]] = {}
    for folder in run_folder.find_all(bases):  # the run that ended last is last, and replaces earlier ones
        with contextlib.suppress(BadRun):
            result = Result.load(folder)
            kernel = KernelOfRun.of(result)
            if result.error is None and kernel is not None:
                newest[result.scenario, kernel] = {claim.name: claim for claim in result.claims}
                for claim in result.claims:
                    for check in claim.checks:
                        named = CheckOfClaim(result.scenario, claim.name, str(check.name))
                        wanted.setdefault((kernel, named), set()).add(check.wanted)
    random = [check for (kernel, check), values in wanted.items() if kernel.clock == "virtual" and len(values) > 1]
    return Measurements(newest, frozenset(random))
