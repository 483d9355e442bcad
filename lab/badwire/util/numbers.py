"""Formats measured values for people, and converts them to JSON.

No value is written with more digits than its accuracy justifies. A duration of which only bounds are known is rounded
to its error.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

DIGITS = 4  # significant digits of a measured time: the wire's clock and a host's agree to some 10 us
DECIMALS = 6  # of a time in seconds: none of the lab's clocks is more accurate than a microsecond
SINGULAR = {"processes": "process", "copies": "copy"}  # any other unit, all in the plural, loses its s
WIDE = 0.2  # a span wider than this fraction of its middle is written as two bounds instead of a middle and an error


@dataclass(frozen=True)
class Span:
    """A duration in seconds of which only bounds are known; ``longest`` is infinite if no end was observed.

    Raises:
        ValueError: ``shortest`` exceeds ``longest``.
    """

    shortest: float
    longest: float

    def __post_init__(self) -> None:
        if not self.shortest <= self.longest:
            raise ValueError(f"a span cannot go from {self.shortest} to {self.longest} s")

    @property
    def width(self) -> float:
        """The difference between the bounds, in seconds."""
        return self.longest - self.shortest


def text(value: object) -> str:
    """Format a value for people: ``60.28 ± 0.01``, ``at least 60``, ``yes``, ``TIME_WAIT``, ``1, 2, 4``, ``none``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Span):
        return _span(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Mapping):
        return join(f"{text(key)}: {text(one)}" for key, one in _in_order(value.items()))
    if isinstance(value, set | frozenset):
        return join(text(one) for one in _in_order(value))
    if isinstance(value, tuple | list):
        return join(text(one) for one in value)
    if value is None:
        return "none"
    return str(value)


def quantity(shown: str, unit: str, value: object) -> str:
    """Append ``unit`` to ``shown``, the text of ``value``: ``2 segments``, ``1 segment``, ``0.2013 s``.

    ``unit`` is in the plural; it becomes singular if ``value`` is the integer 1.
    """
    if value == 1 and not isinstance(value, bool | float):
        unit = SINGULAR.get(unit) or (unit.removesuffix("s") if len(unit) > 2 else unit)
    return f"{shown} {unit}".rstrip()


def number(value: float, digits: int = DIGITS) -> str:
    """Format a number with at most ``digits`` significant digits and ``DECIMALS`` decimals: 0.2013, 61.62, 7200."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    decimals = min(DECIMALS, max(0, digits - 1 - math.floor(math.log10(abs(value)))))
    rounded = f"{value:.{decimals}f}"
    return rounded.rstrip("0").rstrip(".") if "." in rounded else rounded


def join(parts: Iterable[str]) -> str:
    """Join the parts with commas, or with semicolons if a part contains a comma; ``none`` if there are no parts."""
    parts = tuple(parts)
    return ("; " if any(", " in part for part in parts) else ", ").join(parts) or "none"


def plain(value: object) -> object:
    """Convert a value to one that JSON can represent.

    A span becomes a pair, infinity and NaN become null, a set becomes a sorted list, and a value of any other type
    becomes its text.
    """
    if isinstance(value, Span):
        return [plain(value.shortest), plain(value.longest)]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in _in_order(value.items())}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, set | frozenset):
        return [plain(one) for one in _in_order(value)]
    return str(value)


def _span(value: Span) -> str:
    if math.isinf(value.longest):
        return f"at least {number(value.shortest)}"
    middle, error = (value.shortest + value.longest) / 2, value.width / 2
    if error == 0:
        return number(middle)
    if value.width > WIDE * middle:
        return f"{number(value.shortest, 3)} to {number(value.longest, 3)}"
    step = 10.0 ** math.floor(math.log10(error))
    rounded = math.ceil(error / step - 1e-9) * step  # rounded up to one digit: 0.0091 becomes 0.01
    decimals = max(0, -math.floor(math.log10(rounded) + 1e-9))
    return f"{middle:.{decimals}f} ± {rounded:.{decimals}f}"  # both have the same number of decimals


def _in_order(values: Iterable[T]) -> list[T]:
    """Sort the values; values that cannot be compared with each other are sorted by their text."""
    listed = list(values)
    try:
        return sorted(listed)  # type: ignore[type-var]
    except TypeError:
        return sorted(listed, key=str)
