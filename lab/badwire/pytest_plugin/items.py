"""Scenarios as tests: a pytest file is a scenario, and an item is a claim. A scenario runs once for all its claims."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from badwire.claims.claim import Claim
from badwire.claims.instrument import CLAIMS as INSTRUMENT
from badwire.errors import LabError, MachineError
from badwire.pytest_plugin import session
from badwire.report.junit import properties_of
from badwire.report.terminal import claim_lines
from badwire.result.result import ClaimResult, Run
from badwire.scenario.scenario_file import Scenario, load
from badwire.topology import compose  # noqa: F401  (loaded now, before pytest puts folders of tests on sys.path)


class ScenarioFile(pytest.File):
    """A scenario file. Collection only loads it; the scenario runs when the first of its claims is tested."""

    scenario: Scenario
    run: Run | None = None

    def collect(self) -> Iterable["ClaimItem"]:
        """Yield an item for each claim of the scenario, then one for each claim about the instrument."""
        try:
            self.scenario = load(str(self.path))
        except LabError as error:
            raise self.CollectError(str(error)) from error
        for claim in self.scenario.claims:
            yield ClaimItem.from_parent(self, name=claim.name, claim=claim)
        for claim in INSTRUMENT:
            yield ClaimItem.from_parent(self, name=f"instrument:{claim.name}", claim=claim)

    def run_once(self) -> Run:
        """Run the scenario at the first call, and return its run.

        Raises:
            RequestError: the scenario asks for something that does not exist.
            LabError: this session cannot run scenarios.
        """
        if self.run is None:
            self.scenario.check()  # first, so that a mistake in the file fails even where the machine causes a skip
            self.run = session.runs(self.session, self._with_tests).outcome(self.scenario)
        return self.run

    def _with_tests(self) -> Iterator[Scenario]:
        """Yield the scenarios of this session that can run on its clock, in the order of their tests."""
        clock = session.options(self.config).clock
        files = dict.fromkeys(item.parent for item in self.session.items if isinstance(item.parent, ScenarioFile))
        yield from (file.scenario for file in files if not file.scenario.why_not_on(clock))


class NotHeld(Exception):
    """A claim does not hold. The message has the measured and expected values, and the run folder."""

    def __init__(self, result: ClaimResult, folder: Path | None) -> None:
        super().__init__(result.title)
        self.result = result
        self.folder = folder

    def __str__(self) -> str:
        return "\n".join([*claim_lines(self.result), f"{' ' * 9}run: {self.folder}"])


class ClaimItem(pytest.Item):
    """One claim of a scenario. The test passes if the claim HOLDS, and fails if it FAILS or is UNKNOWN."""

    def __init__(self, claim: Claim, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.claim = claim

    def setup(self) -> None:
        """Skip the test if the scenario cannot run on this clock."""
        assert isinstance(self.parent, ScenarioFile)
        if why := self.parent.scenario.why_not_on(session.options(self.config).clock):
            pytest.skip(why)

    def runtest(self) -> None:
        """Run the scenario if it has not run yet, and check the verdict on this claim. Raises NotHeld."""
        assert isinstance(self.parent, ScenarioFile)
        try:
            run = self.parent.run_once()
        except LabError as error:
            session.give_up(self.config, error)
        if run.error is not None and (run.folder is None or isinstance(run.error, MachineError)):
            session.give_up(self.config, run.error)
        self.user_properties += [("run", str(run.folder))]
        result = self._result(run.result.claims)
        if result is None:
            pytest.fail(f"{self.claim.title}: not judged, {run.error}", pytrace=False)
        self.user_properties += properties_of(result).items()
        if result.verdict != "HOLDS":
            raise NotHeld(result, run.folder)

    def _result(self, results: Iterable[ClaimResult]) -> ClaimResult | None:
        instrument = self.name.startswith("instrument:")
        named: Iterator[ClaimResult] = (
            one for one in results if one.name == self.claim.name and one.instrument == instrument
        )
        return next(named, None)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the measured and expected values; a traceback would only show the plugin's own code."""
        if isinstance(excinfo.value, NotHeld):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the file, the line of the claim's function, counted from 0, and the name."""
        return self.path, self.claim.checks.__code__.co_firstlineno - 1, self.name
