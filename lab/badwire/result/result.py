"""The result of a run as plain data, which result.json holds and every report shows."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from badwire.claims.check import FAILS, HOLDS, UNKNOWN, Check, Verdict
from badwire.claims.claim import Judged
from badwire.errors import BadRun, LabError
from badwire.scenario.scenario_file import Scenario
from badwire.util import files
from badwire.util.numbers import quantity
from badwire.util.sentence import Sentence

FILE = "result.json"
FORMAT = 2
_ENVIRONMENT: Mapping[str, type | tuple[type, ...]] = {  # the types that reports rely on
    "parameters": dict,
    "subjects": dict,
    "env": dict,
    "hosts": dict,
    "further": dict,
    "sysctls": dict,
    "engines_used": list,
    "took": (int, float),
}
_VERDICTS = frozenset(verdict.value for verdict in Verdict)


@dataclass(frozen=True)
class CheckResult:
    """One check of a claim. ``measured`` is a JSON value, and ``shown`` the same as text, with its unit."""

    name: Sentence
    verdict: str
    measured: Any
    shown: str
    expected: Sentence
    unit: str
    why: Sentence
    unrecorded: bool = False

    @classmethod
    def of(cls, check: Check) -> "CheckResult":
        """A check as data."""
        return cls.from_json(check.to_json())

    @property
    def wanted(self) -> str:
        """What was expected, with its unit, for people; empty when the check has no expectation."""
        expected = str(self.expected)
        if not expected[-1:].isdigit():
            return expected
        bounds = list(self.expected.values.values())
        single = bounds[0] if len(bounds) == 1 else None
        return quantity(expected, self.unit, single)

    def to_json(self) -> dict[str, Any]:
        """Its entry in result.json."""
        return {
            "name": self.name.to_json(),
            "verdict": self.verdict,
            "measured": self.measured,
            "shown": self.shown,
            "expected": self.expected.to_json(),
            "unit": self.unit,
            "why": self.why.to_json(),
            "unrecorded": self.unrecorded,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "CheckResult":
        """The check that ``to_json`` described. Raises KeyError, TypeError, ValueError."""
        return cls(
            name=Sentence.from_json(data["name"]),
            verdict=_verdict(data["verdict"]),
            measured=data["measured"],
            shown=_text(data["shown"]),
            expected=Sentence.from_json(data["expected"]),
            unit=_text(data["unit"]),
            why=Sentence.from_json(data["why"]),
            unrecorded=data.get("unrecorded") is True,
        )


@dataclass(frozen=True)
class ClaimResult:
    """One claim and its checks. ``instrument``: the claim is about the lab itself, and not from the scenario."""

    name: str
    title: str
    verdict: str
    checks: tuple[CheckResult, ...]
    sources: tuple[str, ...]
    instrument: bool = False

    @classmethod
    def of(cls, judged: Judged, instrument: bool = False) -> "ClaimResult":
        """A judged claim as data."""
        return cls(
            name=judged.claim.name,
            title=judged.claim.title,
            verdict=judged.verdict.value,
            checks=tuple(CheckResult.of(check) for check in judged.checks),
            sources=tuple(str(source) for source in judged.claim.sources),
            instrument=instrument,
        )

    @property
    def deciding(self) -> tuple[CheckResult, ...]:
        """The checks that decide the verdict: those that fail, else those that are unknown, else all."""
        found = [check for check in self.checks if check.verdict == self.verdict]
        return tuple(found)

    def unknown(self, name: str, why: Sentence) -> "ClaimResult":
        """The same claim with all its checks UNKNOWN, and one more check, before them, that gives the reason."""
        reason = Check(Sentence(name), UNKNOWN, why=why)
        added = CheckResult.of(reason)
        checks = []
        for check in self.checks:
            checks.append(replace(check, verdict=UNKNOWN.value))
        return replace(
            self,
            verdict=UNKNOWN.value,
            checks=(added, *checks),
        )

    def to_json(self) -> dict[str, Any]:
        """Its entry in result.json."""
        return {
            "name": self.name,
            "title": self.title,
            "verdict": self.verdict,
            "checks": [check.to_json() for check in self.checks],
            "sources": list(self.sources),
            "instrument": self.instrument,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ClaimResult":
        """The claim that ``to_json`` described. Raises KeyError, TypeError, ValueError."""
        return cls(
            name=_text(data["name"]),
            title=_text(data["title"]),
            verdict=_verdict(data["verdict"]),
            checks=tuple(CheckResult.from_json(check) for check in data["checks"]),
            sources=tuple(_text(source) for source in data["sources"]),
            instrument=bool(data["instrument"]),
        )


@dataclass(frozen=True)
class Result:
    """A run's result. ``error`` says what ended the run early (None: nothing did); ``status`` is the exit status."""

    scenario: str
    title: str
    file: str
    verdict: str
    status: int
    claims: tuple[ClaimResult, ...]
    environment: Mapping[str, Any]
    error: str | None = None

    def save(self, folder: Path) -> None:
        """Write result.json into a run's folder atomically. Raises OSError."""
        files.atomic_write(folder / FILE, self.text())

    def text(self) -> str:
        """The text of result.json."""
        data = self.to_json()
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"

    def to_json(self) -> dict[str, Any]:
        """The result as result.json has it."""
        return {
            "format": FORMAT,
            "scenario": self.scenario,
            "title": self.title,
            "file": self.file,
            "verdict": self.verdict,
            "status": self.status,
            "claims": [claim.to_json() for claim in self.claims],
            "environment": self.environment,
            "error": self.error,
        }

    @classmethod
    def load(cls, folder: Path) -> "Result":
        """Read result.json of a run's folder. Raises BadRun when it is missing or is not a result."""
        try:
            return cls._from_json(files.read_json_object(folder / FILE))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            path = folder / FILE
            raise BadRun(f"{path} cannot be read ({error}); `badwire check {folder}` judges the evidence.") from error

    @classmethod
    def _from_json(cls, data: Mapping[str, Any]) -> "Result":
        found = data.get("format")
        if found != FORMAT:
            raise ValueError(f"it has format {found!s:.20}, this version reads {FORMAT}")
        error = data["error"]
        return cls(
            scenario=_text(data["scenario"]),
            title=_text(data["title"]),
            file=_text(data["file"]),
            verdict=_verdict(data["verdict"]),
            status=int(data["status"]),
            claims=tuple(ClaimResult.from_json(claim) for claim in data["claims"]),
            environment=_environment(data["environment"]),
            error=None if error is None else _text(error),
        )


def overall(claims: Iterable[ClaimResult]) -> Verdict:
    """The verdict on a run: FAILS if a claim of the scenario fails, HOLDS if all hold, and the instrument's claims too.

    Otherwise it is UNKNOWN. If a claim about the lab itself fails, result/judge.py has already made the scenario's
    claims UNKNOWN.
    """
    claims = tuple(claims)
    own = [claim for claim in claims if not claim.instrument]
    if any(claim.verdict == FAILS.value for claim in own):
        return FAILS
    all_hold = all(claim.verdict == HOLDS.value for claim in claims)
    if own and all_hold:
        return HOLDS
    return UNKNOWN


def status_of(verdict: Verdict) -> int:
    """The exit status of a verdict."""
    statuses = {
        HOLDS: 0,
        FAILS: 1,
        UNKNOWN: 3,
    }
    return statuses[verdict]


@dataclass(frozen=True)
class Run:
    """A run that has ended.

    Args:
        folder: the run's folder; None when it could not begin.
        result: its verdicts, all UNKNOWN when it ended early or could not begin.
        error: what ended it early, or why it could not begin; None when it ended well.
    """

    folder: Path | None
    result: Result
    error: LabError | None


RunOutcome = tuple[Scenario, Run]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is not a string")
    return value


def _verdict(value: object) -> str:
    if value not in _VERDICTS:
        raise ValueError(f"{value!r:.40} is not a verdict")
    return str(value)


def _environment(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("the environment is not a JSON object")
    for name, kind in _ENVIRONMENT.items():
        if name not in value:
            continue
        if not isinstance(value[name], kind):
            raise TypeError(f"{name} in the environment has the wrong type")
    for addresses in value.get("further", {}).values():
        if not isinstance(addresses, list):
            raise TypeError("the further addresses of a host are not a list")
    for sysctls in value.get("sysctls", {}).values():
        if not isinstance(sysctls, dict):
            raise TypeError("the sysctls of a host are not a JSON object")
    return value
