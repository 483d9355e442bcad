"""Measured values, as people read them and as JSON has them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Somewhere from ``shortest`` to ``longest`` seconds; ``longest`` is infinite when an end was not seen."""

    shortest: float
    longest: float

    def __post_init__(self) -> None:
        if not self.shortest <= self.longest:
            raise ValueError(f"a span from {self.shortest} to {self.longest} s is none")

    @property
    def width(self) -> float:
        """How much is not known, in seconds."""
        return self.longest - self.shortest


def text(value: object) -> str:
    """A value in few digits: 61.6, 60.8 to 61.6, yes, TIME_WAIT. What was expected reads as what was measured does."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Span):
        if math.isinf(value.longest):
            return f"{value.shortest:.6g} or more"
        low, high = f"{value.shortest:.6g}", f"{value.longest:.6g}"
        return low if low == high else f"{low} to {high}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return join(sorted(f"{text(key)}: {text(one)}" for key, one in value.items())) or "none"
    if isinstance(value, set | frozenset):
        return join(sorted(text(one) for one in value)) or "none"
    if isinstance(value, tuple | list):
        return join(text(one) for one in value) or "none"
    return str(value)


def join(parts: Iterable[str]) -> str:
    """Parts of a value side by side: with commas, or with semicolons where a part has commas of its own."""
    parts = tuple(parts)
    return ("; " if any(", " in part for part in parts) else ", ").join(parts)


def plain(value: object) -> object:
    """As JSON has it: a span becomes a pair, infinity null, a set a sorted list, what JSON does not know its text."""
    if isinstance(value, Span):
        return [plain(value.shortest), plain(value.longest)]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, set | frozenset):
        return [plain(one) for one in sorted(value, key=text)]
    return str(value)
