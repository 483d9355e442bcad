"""From a measurement to a verdict: HOLDS, FAILS or UNKNOWN, with what was measured and what was expected.

None is "nothing to look at" and gives UNKNOWN in every helper. A ``Span`` is a length of time of which only bounds are
known, since the lab looks at sockets now and then.
"""

import math
from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from badwire.old.evidence.values import Span as Span
from badwire.old.evidence.values import join, plain, text

ONE_SIDED_WIDTH = 0.01  # a span across a single bound still decides when no wider than this part of the bound: 1 %


class Outcome(StrEnum):
    """What can be said of a claim."""

    HOLDS = "HOLDS"
    FAILS = "FAILS"
    UNKNOWN = "UNKNOWN"


HOLDS, FAILS, UNKNOWN = Outcome.HOLDS, Outcome.FAILS, Outcome.UNKNOWN


@dataclass(frozen=True)
class Verdict:
    """An outcome with its reasons; ``expected`` is in words, ``why`` is one sentence, empty when the numbers say it."""

    outcome: Outcome
    measured: object = None
    expected: str = ""
    unit: str = ""
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Its part of result.json; a span becomes a pair, infinity null."""
        return {
            "verdict": self.outcome.value,
            "measured": plain(self.measured),
            "expected": self.expected,
            "unit": self.unit,
            "why": self.why,
        }


class Watched(Protocol):
    """What ``never`` needs to know of the evidence."""

    @property
    def capture_whole(self) -> bool: ...


def unknown(why: str) -> Verdict:
    """Nothing can be said, and why."""
    return Verdict(UNKNOWN, why=why)


def within(measured: float | Span | None, lo: float | None, hi: float | None, unit: str = "") -> Verdict:
    """The measurement lies from ``lo`` to ``hi``, both included; either may be infinite, or None if it was not seen.

    A span that has no time in common with the bounds fails; one that lies inside holds; one across a bound holds when
    it is no wider than the bounds themselves (1 % of the bound when there is only one), else nobody knows.
    """
    if lo is None or hi is None:
        return Verdict(UNKNOWN, measured, unit=unit, why="what it is to be compared with was not seen")
    if not lo <= hi:
        raise ValueError(f"nothing lies between {lo} and {hi}")
    expected = _bounds(lo, hi)
    if measured is None:
        return Verdict(UNKNOWN, None, expected, unit, "nothing to look at")
    span = measured if isinstance(measured, Span) else Span(measured, measured)
    if span.longest < lo or span.shortest > hi:
        return Verdict(FAILS, measured, expected, unit)
    if lo <= span.shortest and span.longest <= hi:
        return Verdict(HOLDS, measured, expected, unit)
    one_sided = math.isinf(lo) or math.isinf(hi)
    narrow = ONE_SIDED_WIDTH * abs(hi if math.isinf(lo) else lo) if one_sided else hi - lo
    if span.width <= narrow:
        return Verdict(HOLDS, measured, expected, unit, "as near as it was looked at")
    return Verdict(UNKNOWN, measured, expected, unit, "it was not looked at often enough to tell")


def each_within(
    measured: Iterable[float | Span] | None, bounds: Sequence[tuple[float, float]], unit: str = ""
) -> Verdict:
    """As many measurements as there are bounds, each within its own: waits that follow one another."""
    if measured is None:
        return Verdict(UNKNOWN, None, join(_bounds(*each) for each in bounds), unit, "nothing to look at")
    found = tuple(measured)
    if len(found) != len(bounds):
        return Verdict(FAILS, found, f"{len(bounds)} of them: {join(_bounds(*each) for each in bounds)}", unit)
    return all_of(*(within(each, *bound, unit) for each, bound in zip(found, bounds, strict=True)))


def at_least(measured: float | Span | None, lo: float | None, unit: str = "") -> Verdict:
    """``lo`` or more."""
    return within(measured, lo, math.inf, unit)


def at_most(measured: float | Span | None, hi: float | None, unit: str = "") -> Verdict:
    """``hi`` or less."""
    return within(measured, -math.inf, hi, unit)


def equals(measured: object, expected: object, unit: str = "") -> Verdict:
    """Exactly ``expected``: numbers, strings, tuples."""
    if measured is None:
        return Verdict(UNKNOWN, None, text(expected), unit, "nothing to look at")
    return Verdict(HOLDS if measured == expected else FAILS, measured, text(expected), unit)


def happened(thing: object, what: str) -> Verdict:
    """``what`` was seen: None or an empty list is UNKNOWN, False fails, anything else holds."""
    size = len(thing) if isinstance(thing, Sized) and not isinstance(thing, str) else None
    if thing is None or size == 0:
        return Verdict(UNKNOWN, None, what, why=f"not seen: {what}")
    return Verdict(FAILS if thing is False else HOLDS, size if size is not None else thing is not False, what)


def never(found: Sized | None, what: str, seen: Watched) -> Verdict:
    """``what`` was not seen although everything was looked at: without a whole capture, nothing found means UNKNOWN."""
    count = len(found) if found is not None else 0
    if count:
        return Verdict(FAILS, count, f"never: {what}")
    if not seen.capture_whole:
        return Verdict(UNKNOWN, None, f"never: {what}", why="the capture is not whole, so it may have been missed")
    return Verdict(HOLDS, 0, f"never: {what}")


def all_of(*verdicts: Verdict) -> Verdict:
    """All of them: one that fails decides, then one that is unknown; no verdicts at all are UNKNOWN.

    What was measured and expected is that of the one that decides, or of every one when all hold.
    """
    if not verdicts:
        return unknown("nothing to look at")
    for outcome in (FAILS, UNKNOWN):
        for verdict in verdicts:
            if verdict.outcome is outcome:
                return verdict
    if len(verdicts) == 1:
        return verdicts[0]
    units = {verdict.unit for verdict in verdicts}
    unit = units.pop() if len(units) == 1 else ""
    return Verdict(
        HOLDS,
        tuple(verdict.measured for verdict in verdicts),
        join(verdict.expected for verdict in verdicts),
        unit,
    )


def _bounds(lo: float, hi: float) -> str:
    if math.isinf(lo):
        return f"at most {hi:.6g}"
    if math.isinf(hi):
        return f"at least {lo:.6g}"
    return f"{lo:.6g} to {hi:.6g}"
