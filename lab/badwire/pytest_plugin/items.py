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
from badwire.report.terminal import INDENT, claim_lines
from badwire.result.result import ClaimResult, Run
from badwire.scenario.parameters import restricted
from badwire.scenario.scenario_file import Scenario, load
from badwire.scenario.subjects import restricted as restricted_subjects
from badwire.topology import compose  # noqa: F401  (loaded now, before pytest puts folders of tests on sys.path)

_INSTRUMENT_PREFIX = "instrument:"  # of the names of tests of claims about the lab itself


class ScenarioFile(pytest.File):
    """A scenario file. Collection only loads it; the scenario runs when the first of its claims is tested."""

    scenario: Scenario
    run: Run | None = None

    def collect(self) -> Iterable["ClaimItem"]:
        """Yield an item for each claim of the scenario, then one for each claim about the instrument."""
        try:
            options = session.options(self.config)
            scenario = load(str(self.path), options.compose)
            texts = restricted(options.parameters, scenario.parameters)
            subjects = restricted_subjects(options.subjects, scenario.declared.subjects)
            self.scenario = scenario.with_parameters(texts).with_subjects(subjects)
        except LabError as error:
            raise self.CollectError(str(error)) from error
        for claim in self.scenario.claims:
            yield ClaimItem.from_parent(self, name=claim.name, claim=claim)
        for claim in INSTRUMENT:
            yield ClaimItem.from_parent(self, name=_INSTRUMENT_PREFIX + claim.name, claim=claim)

    def run_once(self) -> Run:
        """Run the scenario at the first call, and return its run.

        Raises:
            RequestError: the scenario asks for something that does not exist.
            LabError: this session cannot run scenarios.
        """
        if self.run is None:
            self.scenario.check()  # first, so that a mistake in the file fails even where the machine causes a skip
            runs = session.runs(self.session, self._scenarios_with_tests)
            self.run = runs.outcome(self.scenario)
        return self.run

    def _scenarios_with_tests(self) -> Iterator[Scenario]:
        """Yield the scenarios of this session that can run on its clock, in the order of their tests."""
        clock = session.options(self.config).clock
        seen = set()
        for item in self.session.items:
            file = item.parent
            if not isinstance(file, ScenarioFile) or file in seen:
                continue
            seen.add(file)
            if not file.scenario.why_not_on(clock):
                yield file.scenario


class NotHeld(Exception):
    """A claim does not hold. The message has the measured and expected values, and the run folder."""

    def __init__(self, result: ClaimResult, folder: Path | None) -> None:
        super().__init__(result.title)
        self.result = result
        self.folder = folder

    def __str__(self) -> str:
        lines = claim_lines(self.result)
        lines.append(f"{INDENT}run: {self.folder}")
        return "\n".join(lines)


class ClaimItem(pytest.Item):
    """One claim of a scenario. The test passes if the claim HOLDS, and fails if it FAILS or is UNKNOWN."""

    def __init__(self, claim: Claim, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.claim = claim

    def setup(self) -> None:
        """Skip the test if the scenario cannot run on this clock."""
        assert isinstance(self.parent, ScenarioFile)
        clock = session.options(self.config).clock
        why = self.parent.scenario.why_not_on(clock)
        if why:
            pytest.skip(why)

    def runtest(self) -> None:
        """Run the scenario if it has not run yet, and check the verdict on this claim. Raises NotHeld."""
        assert isinstance(self.parent, ScenarioFile)
        try:
            run = self.parent.run_once()
        except LabError as error:
            session.skip_or_fail(self.config, error)
        not_begun = run.folder is None
        if run.error is not None and (not_begun or isinstance(run.error, MachineError)):
            session.skip_or_fail(self.config, run.error)
        self.user_properties.append(("run", str(run.folder)))
        result = self._result(run.result.claims)
        if result is None:
            pytest.fail(f"{self.claim.title}: not judged, {run.error}", pytrace=False)
        self.user_properties += properties_of(result).items()
        if result.verdict != "HOLDS":
            raise NotHeld(result, run.folder)

    def _result(self, results: Iterable[ClaimResult]) -> ClaimResult | None:
        instrument = self.name.startswith(_INSTRUMENT_PREFIX)
        for result in results:
            if result.name == self.claim.name and result.instrument == instrument:
                return result
        return None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the measured and expected values; a traceback would only show the plugin's own code."""
        if isinstance(excinfo.value, NotHeld):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the file, the line of the claim's function, counted from 0, and the name."""
        line = self.claim.checks.__code__.co_firstlineno
        return self.path, line - 1, self.name
