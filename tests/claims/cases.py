"""The cases of a scenario's claims: the verdict of each claim on histories written by hand.

    def run(**changes: Any) -> Evidence:
        ...                                     # a correct history, but for what is changed

    WRONG = [("first_to_close", {"greeter_closes": ("client", "server")})]
    MISSING = [("first_to_close", {"greeter_closes": ()})]
    test_verdicts = verdicts("timewait", run, wrong=WRONG, missing=MISSING)

Every claim holds for the correct history, is unknown where nothing was recorded, fails for each wrong history that
names it, and is unknown where what it needs is missing. Each claim needs at least one wrong history.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from badwire.claims.check import FAILS, HOLDS, UNKNOWN, Verdict
from badwire.claims.claim import Claim, Judged, judge_one
from badwire.evidence.evidence import Evidence
from badwire.scenario.scenario_file import load
from tests.claims.written import Written

Changes = Mapping[str, Any]
Named = Iterable[tuple[str, Changes]]


@dataclass(frozen=True)
class Case:
    """One claim, one history, and the expected verdict."""

    claim: str
    what: str
    history: Callable[[], Evidence]
    verdict: Verdict


def verdicts(scenario: str, run: Callable[..., Evidence], wrong: Named, missing: Named = ()) -> Callable[[Case], None]:
    """The test of all cases of a scenario; ``cases`` of it has them, for whoever changes claims to see what falls."""
    listed = tuple(_cases(scenario, run, list(wrong), list(missing)))

    @pytest.mark.parametrize("case", listed, ids=lambda case: f"{case.claim}: {case.what}")
    def test(case: Case) -> None:
        judged = judged_by(scenario, case)
        assert judged.verdict is case.verdict, "\n".join(describe(judged))

    test.cases = listed  # type: ignore[attr-defined]
    test.scenario = scenario  # type: ignore[attr-defined]
    return test


def judged_by(scenario: str, case: Case) -> Judged:
    """The claim of a case, judged on its history."""
    return judge_one(claims(scenario)[case.claim], case.history())


@cache
def claims(scenario: str) -> dict[str, Claim]:
    """A scenario's claims by name."""
    return {each.name: each for each in load(scenario).claims}


def verdict_of(claim: Claim, run: Evidence) -> Verdict:
    """The verdict of a claim on a history."""
    return judge_one(claim, run).verdict


def describe(judged: Judged) -> list[str]:
    """The checks of a claim, a line each."""
    return [
        f"{check.verdict} {check.name}: measured {check.shown or '-'}, expected {check.expected} {check.why}".rstrip()
        for check in judged.checks
    ]


def _cases(scenario: str, run: Callable[..., Evidence], wrong: list[tuple[str, Changes]],
           missing: list[tuple[str, Changes]]) -> Iterable[Case]:  # fmt: skip
    known = claims(scenario)
    names = {name for name, _ in wrong}
    if names != known.keys():
        raise ValueError(f"{scenario}: wrong histories name {sorted(names)}, and its claims are {sorted(known)}")

    history = _Histories(run)
    for name in known:
        yield Case(name, "right", lambda: history.of({}), HOLDS)
        yield Case(name, "nothing recorded", nothing, UNKNOWN)
    for name, changes in wrong:
        yield Case(name, f"wrong: {_shown(changes)}", _later(history, changes), FAILS)
    for name, changes in missing:
        yield Case(name, f"missing: {_shown(changes)}", _later(history, changes), UNKNOWN)


class _Histories:
    """Each history is written and read once, however many claims are judged on it."""

    def __init__(self, run: Callable[..., Evidence]) -> None:
        self._run = run
        self._known: dict[str, Evidence] = {}

    def of(self, changes: Changes) -> Evidence:
        key = repr(sorted(changes.items()))
        if key not in self._known:
            self._known[key] = self._run(**changes)
        return self._known[key]


@cache
def nothing() -> Evidence:
    """A run of which nothing was recorded."""
    return Written().evidence()


def _later(history: _Histories, changes: Changes) -> Callable[[], Evidence]:
    return lambda: history.of(changes)


def _shown(changes: Changes) -> str:
    return ", ".join(f"{name}={value!r:.40}" for name, value in changes.items())
