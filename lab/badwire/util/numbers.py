"""Formats measured values for people, and converts them to JSON.

No value is written with more digits than its accuracy justifies. A duration of which only bounds are known is rounded
to its error.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

DIGITS = 4  # significant digits of a measured time: the wire's clock and a host's agree to some 10 us
DECIMALS = 6  # of a time in seconds: none of the lab's clocks is more accurate than a microsecond
SINGULAR = {"processes": "process", "copies": "copy"}  # any other unit, all in the plural, loses its s
WIDE = 0.2  # a span wider than this fraction of its middle is written as two bounds instead of a middle and an error

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


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
        return join(_pair(key, item) for key, item in _in_order(value.items()))
    if isinstance(value, set | frozenset):
        return text(_in_order(value))
    if isinstance(value, tuple | list):
        return join(text(item) for item in value)
    if value is None:
        return "none"
    return str(value)


def _pair(key: object, value: object) -> str:
    return f"{text(key)}: {text(value)}"


def quantity(shown: str, unit: str, value: object) -> str:
    """Append ``unit`` to ``shown``, the text of ``value``: ``2 segments``, ``1 segment``, ``0.2013 s``.

    ``unit`` is in the plural; it becomes singular if ``value`` is the integer 1.
    """
    is_one = value == 1 and not isinstance(value, bool | float)
    if is_one:
        unit = _singular(unit)
    return f"{shown} {unit}".rstrip()


def _singular(unit: str) -> str:
    if unit in SINGULAR:
        return SINGULAR[unit]
    is_symbol = len(unit) <= 2  # such as s and ms
    return unit if is_symbol else unit.removesuffix("s")


def number(value: float, digits: int = DIGITS) -> str:
    """Format a number with at most ``digits`` significant digits and ``DECIMALS`` decimals: 0.2013, 61.62, 7200."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    exponent = math.floor(math.log10(abs(value)))
    decimals = max(0, digits - 1 - exponent)
    decimals = min(DECIMALS, decimals)
    rounded = f"{value:.{decimals}f}"
    if decimals == 0:
        return rounded
    return rounded.rstrip("0").rstrip(".")


def join(parts: Iterable[str]) -> str:
    """Join the parts with commas, or with semicolons if a part contains a comma; ``none`` if there are no parts."""
    parts = tuple(parts)
    if not parts:
        return "none"
    separator = ", "
    if any(separator in part for part in parts):
        separator = "; "
    return separator.join(parts)


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
        return {str(key): plain(item) for key, item in _in_order(value.items())}
    if isinstance(value, set | frozenset):
        return plain(_in_order(value))
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return str(value)


def _span(value: Span) -> str:
    if math.isinf(value.longest):
        shortest = number(value.shortest)
        return f"at least {shortest}"
    middle = (value.shortest + value.longest) / 2
    if value.width == 0:
        return number(middle)
    if value.width > WIDE * middle:
        shortest = number(value.shortest, 3)
        longest = number(value.longest, 3)
        return f"{shortest} to {longest}"
    error, decimals = _rounded_up(value.width / 2)
    return f"{middle:.{decimals}f} ± {error:.{decimals}f}"  # both have the same number of decimals


def _rounded_up(error: float) -> tuple[float, int]:
    """The error rounded up to one digit, and the number of its decimals: 0.0091 becomes 0.01, with 2."""
    exponent = math.floor(math.log10(error))
    step = 10.0**exponent
    steps = math.ceil(error / step - 1e-9)
    rounded = steps * step
    rounded_exponent = math.floor(math.log10(rounded) + 1e-9)
    decimals = max(0, -rounded_exponent)
    return rounded, decimals


def _in_order(values: Iterable[T]) -> list[T]:
    """Sort the values: numbers by their size, then others by their text. A pair is sorted by its first item first."""
    return sorted(values, key=_rank)


def _rank(value: object) -> tuple[int, Any]:
    if isinstance(value, tuple):
        return 2, tuple(_rank(item) for item in value)
    if isinstance(value, int | float) and not math.isnan(value):
        return 0, value
    if isinstance(value, str) and _NUMBER.fullmatch(value):  # such as the key of a mapping that was read from JSON
        return 0, float(value)
    return 1, text(value)
