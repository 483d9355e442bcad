"""Scenarios as tests: a file is a scenario, an item one of its claims. The scenario runs once, for its first claim."""

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
from badwire.topology import compose  # noqa: F401  (a scenario needs it later, when folders of tests are on the path)


class ScenarioFile(pytest.File):
    """A scenario's file. Collecting it reads it; running it waits until a claim asks."""

    scenario: Scenario
    run: Run | None = None

    def collect(self) -> Iterable["ClaimItem"]:
        """An item for each claim, then one for each of those about the instrument."""
        try:
            self.scenario = load(str(self.path))
        except LabError as error:
            raise self.CollectError(str(error)) from error
        for claim in self.scenario.claims:
            yield ClaimItem.from_parent(self, name=claim.name, claim=claim)
        for claim in INSTRUMENT:
            yield ClaimItem.from_parent(self, name=f"instrument:{claim.name}", claim=claim)

    def run_once(self) -> Run:
        """The scenario's run, the same one for every claim.

        Raises RequestError for what is wrong in its file, and any LabError when this session cannot run any.
        """
        if self.run is None:
            self.scenario.check()  # before the machine is asked, which may skip what is wrong in the file
            self.run = session.runs(self.session, self._with_tests).outcome(self.scenario)
        return self.run

    def _with_tests(self) -> Iterator[Scenario]:
        """The scenarios of this session that are for its clock, in the order of their tests."""
        clock = session.options(self.config).clock
        files = dict.fromkeys(item.parent for item in self.session.items if isinstance(item.parent, ScenarioFile))
        yield from (file.scenario for file in files if not file.scenario.why_not_on(clock))


class NotHeld(Exception):
    """A claim that does not hold: what was found, and in which run."""

    def __init__(self, result: ClaimResult, folder: Path | None) -> None:
        super().__init__(result.title)
        self.result = result
        self.folder = folder

    def __str__(self) -> str:
        return "\n".join([*claim_lines(self.result), f"{' ' * 9}run: {self.folder}"])


class ClaimItem(pytest.Item):
    """One claim of a scenario. It passes when it HOLDS; UNKNOWN fails too, and says that nothing is known."""

    def __init__(self, claim: Claim, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.claim = claim

    def setup(self) -> None:
        """Skip what is not for this clock, and say why."""
        assert isinstance(self.parent, ScenarioFile)
        if why := self.parent.scenario.why_not_on(session.options(self.config).clock):
            pytest.skip(why)

    def runtest(self) -> None:
        """Run the scenario if it has not run, and look up this claim's verdict."""
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
        """What was measured and expected, without the traceback of a test function that there is not."""
        if isinstance(excinfo.value, NotHeld):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The claim's own place in the file."""
        return self.path, self.claim.checks.__code__.co_firstlineno - 1, self.name
