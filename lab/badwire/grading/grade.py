"""From the verdicts on a run to points.

A claim that HOLDS has its points, and one that FAILS has none. One that is UNKNOWN has none either if it only lacks a
record, and the run and its capture are complete: what was not recorded did not happen. UNKNOWN for any other reason is
the lab's own failure, and the claim is not judged. So is every claim of a run that ended early, unless the program
under test was the cause.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from badwire.claims.check import FAILS, HOLDS, UNKNOWN
from badwire.claims.claim import Claim
from badwire.errors import ClockStopped, SubjectFailed
from badwire.result.result import ClaimResult, Run
from badwire.scenario.exercise_file import Exercise

GRADED = "graded"
NOT_JUDGED = "not judged"
_SHOWN = 200  # characters of a value that a student reads; the run's report has all of it
_SPINS = (
    "the program computes without ever waiting, and stops the clock: a loop that reads must end, or block, when there"
    " is nothing to read"
)


@dataclass(frozen=True)
class ClaimGrade:
    """A claim's points. ``score`` is None if it was not judged; ``why`` says why, or why points were lost."""

    name: str
    title: str
    points: float
    score: float | None
    why: str
    hint: str
    hidden: bool


@dataclass(frozen=True)
class Grade:
    """One submission's points.

    Attributes:
        submission: its name.
        claims: in the order of the exercise.
        reason: why all claims have the same outcome, such as that it does not build; empty if each was judged.
        seconds: of real time that building, running and judging took.
        run: the run's folder relative to the submission's; empty without one.
        key: what the grade depends on, so that it is not made again.
    """

    submission: str
    claims: tuple[ClaimGrade, ...]
    reason: str = ""
    seconds: float = 0.0
    run: str = ""
    key: str = ""

    @property
    def score(self) -> float:
        """The points of the claims that were judged."""
        return sum(claim.score or 0 for claim in self.claims)

    @property
    def max_score(self) -> float:
        return sum(claim.points for claim in self.claims)

    @property
    def status(self) -> str:
        """GRADED, or NOT_JUDGED if a claim was not judged."""
        return NOT_JUDGED if any(claim.score is None for claim in self.claims) else GRADED

    @property
    def reason_in_one_line(self) -> str:
        """The reason, of which only the compiler's first error is kept, where it has several lines."""
        first, _, rest = self.reason.partition("\n")
        if not rest:
            return first
        begin, command, words = first.partition("`: ")
        lines = [words, *rest.splitlines()]
        error = next((line for line in lines if "error" in line.lower()), words)
        return f"{begin}{command}{error.strip()}"

    def to_json(self) -> dict[str, Any]:
        """Its entry in grades.json."""
        return {
            "submission": self.submission,
            "score": self.score,
            "max_score": self.max_score,
            "status": self.status,
            "reason": self.reason,
            "claims": [vars(claim) for claim in self.claims],
            "seconds": self.seconds,
            "run": self.run,
            "key": self.key,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Grade":
        """The grade that ``to_json`` described. Raises KeyError, TypeError."""
        return cls(
            submission=str(data["submission"]),
            claims=tuple(ClaimGrade(**claim) for claim in data["claims"]),
            reason=str(data["reason"]),
            seconds=float(data["seconds"]),
            run=str(data["run"]),
            key=str(data["key"]),
        )


def zero(exercise: Exercise, reason: str) -> tuple[ClaimGrade, ...]:
    """No points for any claim, for a reason that lies in the submission."""
    return tuple(_graded(claim, 0, reason) for claim in exercise.claims)


def not_judged(exercise: Exercise, reason: str) -> tuple[ClaimGrade, ...]:
    """No claim is judged, for a reason that does not lie in the submission."""
    return tuple(_graded(claim, None, reason) for claim in exercise.claims)


def of_run(exercise: Exercise, run: Run) -> tuple[tuple[ClaimGrade, ...], str]:
    """The points of a run, and the reason if all claims have the same outcome."""
    if isinstance(run.error, ClockStopped):
        return zero(exercise, _SPINS), _SPINS
    if isinstance(run.error, SubjectFailed):
        reason = str(run.error)
        return zero(exercise, reason), reason
    if run.error is not None or run.result.error is not None:
        reason = str(run.error or run.result.error)
        return not_judged(exercise, reason), reason
    results = {claim.name: claim for claim in run.result.claims if not claim.instrument}
    is_complete = all(claim.verdict == HOLDS.value for claim in run.result.claims if claim.instrument)
    return tuple(_of_claim(claim, results[claim.name], is_complete) for claim in exercise.claims), ""


def _of_claim(claim: Claim, result: ClaimResult, is_complete: bool) -> ClaimGrade:
    if result.verdict == HOLDS.value:
        return _graded(claim, claim.points, "")
    why = _why(result)
    unknown = [check for check in result.checks if check.verdict == UNKNOWN.value]
    did_not_happen = is_complete and all(check.unrecorded for check in unknown)
    if result.verdict == FAILS.value or did_not_happen:
        return _graded(claim, 0, why)
    if not any(check.why for check in unknown if not check.unrecorded):
        why += " (the record of the run is not complete)"
    return _graded(claim, None, why)


def _why(result: ClaimResult) -> str:
    """The checks that decided, as a sentence each."""
    sentences = []
    for check in result.deciding:
        parts = []
        if check.shown:
            parts.append(f"measured {check.shown:.{_SHOWN}}")
        if check.wanted:
            parts.append(f"expected {check.wanted:.{_SHOWN}}")
        if check.why:
            parts.append(str(check.why))
        sentences.append(f"{check.name}: {', '.join(parts)}")
    return "; ".join(sentences)


def _graded(claim: Claim, score: float | None, why: str) -> ClaimGrade:
    return ClaimGrade(claim.name, claim.title, claim.points, score, why, claim.hint, claim.hidden)
