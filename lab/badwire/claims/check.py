"""A check: one comparison of what was measured with what was expected. A claim yields one or more of them.

    yield equals("port {port} is closed first by", connection.closing.first, "server", port=7001)
    yield between("TIME_WAIT lasts", run.host("server").time_in("TIME_WAIT"), 60, run.kernel.latest(60), "s")

The name of a check is a template; its values are keyword arguments, so that a saved run can be shown in another
language. A check is UNKNOWN when nothing was recorded to compare: None, or ``Records`` that are empty. A comparison is
UNKNOWN, too, when the claim's queries may have missed a frame, because some could not be read.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from badwire.evidence.hidden import hidden
from badwire.evidence.records import Records
from badwire.store.records import NS, Call
from badwire.util.numbers import Span, plain, quantity, text
from badwire.util.sentence import Sentence

ONE_SIDED_WIDTH = 0.01  # a span across a single bound still decides when it is no wider than 1 % of that bound
NOT_RECORDED = "not recorded in this run"

T = TypeVar("T")
_EMPTY = Sentence()


class Verdict(StrEnum):
    """Whether a check, a claim or a run holds on the evidence."""

    HOLDS = "HOLDS"
    FAILS = "FAILS"
    UNKNOWN = "UNKNOWN"


HOLDS = Verdict.HOLDS
FAILS = Verdict.FAILS
UNKNOWN = Verdict.UNKNOWN


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """FAILS if any fails, else UNKNOWN if any is unknown or there are none, else HOLDS."""
    found = set(verdicts)
    for verdict in (FAILS, UNKNOWN, HOLDS):
        if verdict in found:
            return verdict
    return UNKNOWN


@dataclass(frozen=True)
class Check:
    """One row of a claim.

    Args:
        name: what was compared, "port 7001 is closed first by".
        verdict: whether it holds.
        measured: the value found, None when there was none.
        expected: the value that it should have, as text: "server", "60 to 62.05".
        unit: of both: "s", "bytes", "segments"; empty where there is none.
        why: a sentence where the values do not speak for themselves; empty otherwise.
        unrecorded: whether it is UNKNOWN only because there was nothing to compare. Where everything that happened was
            recorded, it did not happen.
    """

    name: Sentence
    verdict: Verdict
    measured: object = None
    expected: Sentence = _EMPTY
    unit: str = ""
    why: Sentence = _EMPTY
    unrecorded: bool = False

    @property
    def shown(self) -> str:
        """The measured value as text, with its unit; empty when nothing was measured."""
        if self.measured is None:
            return ""
        return quantity(text(self.measured), self.unit, self.measured)

    def to_json(self) -> dict[str, Any]:
        """Its entry in result.json: a span becomes a pair, infinity null."""
        return {
            "name": self.name.to_json(),
            "verdict": self.verdict.value,
            "measured": plain(self.measured),
            "shown": self.shown,
            "expected": self.expected.to_json(),
            "unit": self.unit,
            "why": self.why.to_json(),
            "unrecorded": self.unrecorded,
        }


Checks = Iterator[Check]


class HasCapture(Protocol):
    """The part of a run that ``never`` uses."""

    @property
    def capture_is_complete(self) -> bool: ...

    @property
    def unseen(self) -> tuple[str, ...]: ...


class HasBeginning(Protocol):
    """The part of a run that ``did_not_return`` uses."""

    @property
    def meta(self) -> Mapping[str, Any]: ...


def unknown(name: str | Sentence, why: str | Sentence, /, **values: object) -> Check:
    """A check that cannot be decided, with the reason."""
    return Check(
        name=Sentence.of(name, **values),
        verdict=UNKNOWN,
        why=Sentence.of(why, **values),
    )


def not_recorded(name: str | Sentence, what: Sentence, /, **values: object) -> Check:
    """A check that cannot be decided since there is nothing to compare, unless frames that cannot be read hide it."""
    return replace(unknown(name, what, **values), unrecorded=not hidden())


def equals(
    name: str,
    measured: object,
    expected: object,
    unit: str = "",
    /,
    **values: object,
) -> Check:
    """The measured value is exactly the expected one. A tuple, a list and Records with the same items are equal."""
    undecided = Check(
        name=Sentence.of(name, **values),
        verdict=UNKNOWN,
        expected=Sentence("{value}", {"value": expected}),
        unit=unit,
    )
    missing = _missing(measured)
    if missing:
        return replace(undecided, why=missing, unrecorded=not hidden())
    if hidden():
        return replace(undecided, measured=measured, why=_may_be_missed())
    is_equal = _comparable(measured) == _comparable(expected)
    return replace(
        undecided,
        verdict=HOLDS if is_equal else FAILS,
        measured=measured,
    )


def between(
    name: str,
    measured: float | Span | None,
    least: float,
    most: float,
    unit: str = "",
    /,
    **values: object,
) -> Check:
    """The measurement lies from ``least`` to ``most``, both included; either may be infinite.

    A span that has no time in common with the bounds fails, and one inside them holds. One that lies across a bound
    holds when it is no wider than the bounds themselves (1 % of the bound when there is only one); else it is UNKNOWN.

    Raises:
        ValueError: ``least`` is above ``most``.
    """
    if not least <= most:
        raise ValueError(f"the lower bound {least} exceeds the upper bound {most}")
    undecided = Check(
        name=Sentence.of(name, **values),
        verdict=UNKNOWN,
        expected=_bounds(least, most),
        unit=unit,
    )
    missing = _missing(measured)
    if missing:
        return replace(undecided, why=missing, unrecorded=not hidden())
    assert measured is not None
    if hidden():
        return replace(undecided, measured=measured, why=_may_be_missed())
    span = measured if isinstance(measured, Span) else Span(measured, measured)
    verdict, why = _compared(span, least, most)
    return replace(
        undecided,
        verdict=verdict,
        measured=measured,
        why=why,
    )


def _compared(span: Span, least: float, most: float) -> tuple[Verdict, Sentence]:
    """Whether a span lies within bounds, with a sentence where it lies across one of them."""
    if span.longest < least or span.shortest > most:
        return FAILS, _EMPTY
    if least <= span.shortest and span.longest <= most:
        return HOLDS, _EMPTY
    if span.width <= _tolerance(least, most):
        return HOLDS, Sentence("holds within the sampling interval")
    return UNKNOWN, Sentence("the sampling interval is too long to decide")


def at_least(
    name: str,
    measured: float | Span | None,
    least: float,
    unit: str = "",
    /,
    **values: object,
) -> Check:
    """The measurement is ``least`` or more. Spans are compared as in ``between``."""
    return between(name, measured, least, math.inf, unit, **values)


def at_most(
    name: str,
    measured: float | Span | None,
    most: float,
    unit: str = "",
    /,
    **values: object,
) -> Check:
    """The measurement is ``most`` or less. Spans are compared as in ``between``."""
    return between(name, measured, -math.inf, most, unit, **values)


def each_between(
    name: str,
    measured: Iterable[float | Span],
    bounds: Sequence[tuple[float, float]],
    unit: str = "",
    /,
    count: str = "measurements",
    **values: object,
) -> Checks:
    """There are as many measurements as bounds, and each lies within its own, such as consecutive waits.

    A wrong number of measurements fails.

    Args:
        name: the name of each check; ``{n}`` in it becomes the number of the measurement, from 1.
        measured: the measurements, in order.
        bounds: the least and the most of each.
        unit: of measurements and bounds.
        count: the name of the check on the number of measurements.
        values: the values for the templates.
    """
    found = tuple(measured)
    number = len(found) or None
    yield equals(count, number, len(bounds), "", **values)
    pairs = zip(found, bounds, strict=False)
    for n, (value, bound) in enumerate(pairs, 1):
        least, most = bound
        yield between(name, value, least, most, unit, n=n, **values)


def seen(name: str, records: Records[Any], /, **values: object) -> Check:
    """At least one was recorded; UNKNOWN when none was, since it may have been missed."""
    undecided = Check(
        name=Sentence.of(name, **values),
        verdict=UNKNOWN,
        expected=Sentence("at least {least}", {"least": 1}),
        unit=records.noun,
    )
    if not records:
        return replace(undecided, why=records.what, unrecorded=not hidden())
    return replace(
        undecided,
        verdict=HOLDS,
        measured=len(records),
    )


def never(name: str, records: Records[Any], run: HasCapture, /, **values: object) -> Check:
    """None was recorded, and the capture shows everything.

    None recorded is UNKNOWN with an incomplete capture, beside frames that cannot be read, and if a host's own sockets
    communicated over its loopback interface, which is not captured; the reason names them. With ``run.wire`` in place
    of ``run`` the check is about what passed between hosts, and loopback does not matter.
    """
    undecided = Check(
        name=Sentence.of(name, **values),
        verdict=UNKNOWN,
        expected=Sentence("none"),
        unit=records.noun,
    )
    if not records and not run.capture_is_complete:
        why = Sentence("the capture is not complete, so one may have been missed")
        return replace(undecided, why=why)
    if not records and run.unseen:
        why = Sentence("one may have been missed: {unseen}", {"unseen": run.unseen})
        return replace(undecided, why=why)
    return replace(
        undecided,
        verdict=FAILS if records else HOLDS,
        measured=len(records),
    )


def did_not_return(name: str, call: Call, run: HasBeginning, /, **values: object) -> Check:
    """The call did not return while it was watched, which is to the end of the scenario at the latest.

    The measured value is how long it was watched. Without a record that shows it blocking, it is UNKNOWN.
    """
    undecided = Check(
        name=Sentence.of(name, **values),
        verdict=UNKNOWN,
        expected=Sentence("no return"),
        unit="s",
    )
    until = call.blocked_until
    if call.returned and (until is None or call.ended <= until):
        return replace(
            undecided, verdict=FAILS, measured=call.took, why=Sentence("returned {outcome}", {"outcome": call.outcome})
        )
    if until is None:
        return replace(undecided, why=Sentence(NOT_RECORDED))
    start = run.meta["t"]
    times = {"began": round((call.began - start) / NS, 6), "until": round((until - start) / NS, 6)}
    return replace(
        undecided,
        verdict=HOLDS,
        measured=(until - call.began) / NS,
        why=Sentence("called {began} s into the run, watched until {until} s", times),
    )


_rows: ContextVar[list[Check] | None] = ContextVar("rows", default=None)


def each(name: str, records: Iterable[T], /, **values: object) -> Iterator[T]:
    """Iterate over records in a claim. If there are none, the claim gets an UNKNOWN check with this name.

    A plain loop over empty records would yield no check, so that a claim whose other checks hold would hold.

    Raises:
        RuntimeError: it is used outside a claim, where the check would be lost.
    """
    rows = _rows.get()
    if rows is None:
        raise RuntimeError("each() can be called only in a claim")
    empty = True
    for record in records:
        empty = False
        yield record
    if empty:
        what = records.what if isinstance(records, Records) else Sentence(NOT_RECORDED)
        rows.append(not_recorded(Sentence.of(name, **values), what))


@contextmanager
def collecting() -> Iterator[list[Check]]:
    """The list of one claim's checks, to which ``each`` adds its own during the block."""
    rows: list[Check] = []
    token = _rows.set(rows)
    try:
        yield rows
    finally:
        _rows.reset(token)


def _missing(measured: object) -> Sentence:
    """Why there is nothing to compare; empty when there is something."""
    if measured is None:
        return Sentence(NOT_RECORDED)
    if isinstance(measured, Records) and not measured:
        return measured.what
    return Sentence()


def _may_be_missed() -> Sentence:
    """Why a comparison of what queries found cannot be decided."""
    return Sentence("frames may have been missed: {hidden}", {"hidden": hidden()})


def _comparable(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_comparable(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _comparable(item) for key, item in value.items()}
    return value


def _tolerance(least: float, most: float) -> float:
    if math.isinf(least):
        return ONE_SIDED_WIDTH * abs(most)
    if math.isinf(most):
        return ONE_SIDED_WIDTH * abs(least)
    return most - least


def _bounds(least: float, most: float) -> Sentence:
    if math.isinf(least):
        return Sentence("at most {most}", {"most": most})
    if math.isinf(most):
        return Sentence("at least {least}", {"least": least})
    return Sentence("{least} to {most}", {"least": least, "most": most})
