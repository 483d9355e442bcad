"""The result of a run as plain data: what stands in result.json, and what every report is made from."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from badwire.claims.claim import Judged
from badwire.claims.verdict import FAILS, HOLDS, UNKNOWN, Outcome
from badwire.errors import BadRun, LabError
from badwire.evidence.values import text
from badwire.scenario.scenario_file import Scenario
from badwire.util import files

FILE = "result.json"
FORMAT = 1
_RAN: Mapping[str, type | tuple[type, ...]] = {  # what Result.environment may have that is looked into
    "hosts": dict,
    "sysctls": dict,
    "engines_used": list,
    "took": (int, float),
}


@dataclass(frozen=True)
class Finding:
    """One claim and what became of it. `measured` is as JSON has it, `shown` is the same for people, with its unit."""

    name: str
    sentence: str
    verdict: str
    measured: Any
    shown: str
    expected: str
    unit: str
    why: str
    sources: tuple[str, ...]
    instrument: bool = False

    @classmethod
    def of(cls, judged: Judged, instrument: bool = False) -> "Finding":
        """A claim with its verdict, as data. `instrument`: the claim is about the lab itself, not about the book."""
        sentence = judged.claim.sentence
        measured = judged.verdict.measured
        shown = "" if measured is None else f"{text(measured)} {judged.verdict.unit}".rstrip()
        entry = judged.to_json()
        return cls(
            **{**entry, "sources": tuple(entry["sources"])}, sentence=sentence, shown=shown, instrument=instrument
        )

    def properties(self) -> dict[str, str]:
        """What is worth telling of it beside its name, as text, for JUnit; `measured` in JSON if it is no text."""
        measured = self.measured if isinstance(self.measured, str) else json.dumps(self.measured, ensure_ascii=False)
        told = {"verdict": self.verdict, "measured": "" if self.measured is None else measured, "shown": self.shown}
        told |= {"expected": self.expected, "unit": self.unit, "source": "; ".join(self.sources)}
        return {key: value for key, value in told.items() if value}

    def unknown(self, why: str) -> "Finding":
        """The same claim, of which nothing can be said after all."""
        return replace(self, verdict=UNKNOWN.value, why="; ".join(part for part in (why, self.why) if part))


@dataclass(frozen=True)
class Result:
    """A run's result. `error` is the sentence of what broke it off, or None; `status` the exit status."""

    scenario: str
    title: str
    file: str
    verdict: str
    status: int
    claims: tuple[Finding, ...]
    environment: Mapping[str, Any]
    error: str | None = None
    format: int = FORMAT

    def save(self, folder: Path) -> None:
        """Write result.json into a run's folder, whole or not at all. Raises OSError."""
        files.atomic_write(folder / FILE, self.text())

    def text(self) -> str:
        """The result as JSON."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def load(cls, folder: Path) -> "Result":
        """Read result.json of a run's folder. Raises BadRun."""
        try:
            data = files.read_json_object(folder / FILE)
            claims = tuple(Finding(**{**claim, "sources": tuple(claim["sources"])}) for claim in data.pop("claims"))
            return cls(claims=claims, **data)._checked()
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BadRun(
                f"{folder / FILE} cannot be read ({error}); `badwire check {folder}` judges the evidence."
            ) from error

    def _checked(self) -> "Result":
        """Itself, if its fields are of the types that they are declared with. Raises ValueError."""
        texts = [self.scenario, self.title, self.file, self.verdict, self.error or ""]
        for one in self.claims:
            texts += [one.name, one.sentence, one.verdict, one.shown, one.expected, one.unit, one.why, *one.sources]
        known = isinstance(self.environment, dict) and all(
            isinstance(self.environment[name], type_) for name, type_ in _RAN.items() if name in self.environment
        )
        sysctls = self.environment.get("sysctls", {}).values() if known else ()
        if self.format != FORMAT:
            raise ValueError(f"it has format {self.format!s:.20}, this version reads {FORMAT}")
        if not (
            known and all(isinstance(each, str) for each in texts) and all(isinstance(each, dict) for each in sysctls)
        ):
            raise ValueError("a field of it is of another type")
        return self


def overall(findings: Iterable[Finding]) -> Outcome:
    """The verdict on a run: FAILS if the book is wrong, HOLDS if all claims hold, those about the instrument included.

    A lab that fails its own checks says nothing about the book: UNKNOWN.
    """
    findings = tuple(findings)
    if any(one.verdict == FAILS.value and not one.instrument for one in findings):
        return FAILS
    book = [one for one in findings if not one.instrument]
    return HOLDS if book and all(one.verdict == HOLDS.value for one in findings) else UNKNOWN


def status_of(verdict: Outcome) -> int:
    """The exit status of a verdict."""
    return {HOLDS: 0, FAILS: 1, UNKNOWN: 3}[verdict]


@dataclass(frozen=True)
class Run:
    """A run that is over: its folder, its result, and what broke it off, if anything did."""

    folder: Path
    result: Result
    error: LabError | None


RunOutcome = tuple[Scenario, Run | LabError]
