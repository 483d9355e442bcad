"""Quantities as people write them: ``50ms``, ``10%``, ``1Mbit``, ``yes``; each kind reads a word, and writes it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z%/]*)", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,18}")  # beyond that no fault has any use for a number


@dataclass(frozen=True)
class Kind:
    """``read`` gives the value in SI units, None if the word is not of this kind; ``what`` says what would be."""

    what: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]


def _units(what: str, units: Mapping[str, Decimal], bare: Callable[[Decimal], bool]) -> Kind:
    """A number with one of these units, the first of which that fits is written, or the smallest.

    ``bare`` tells if it can lack one.
    """
    smallest = min(units.items(), key=lambda unit: unit[1])

    def read(word: str) -> float | None:
        parts = _NUMBER.fullmatch(word.strip())
        if parts is None:
            return None
        number, unit = Decimal(parts[1]), parts[2].lower().removesuffix("/s")
        if not unit:
            return float(number) if bare(number) else None
        return float(number * units[unit]) if unit in units else None

    def write(value: float) -> str:
        exact = Decimal(f"{value:.9g}")  # and not 12.500000000000002 ms
        unit, factor = next(((u, f) for u, f in units.items() if exact >= f), smallest)
        return _plain(exact / factor) + _SPELT.get(unit, unit)

    return Kind(what, read, write)


def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")


def _words(*groups: str) -> dict[str, bool]:
    return {word: truth for truth, group in zip((True, False), groups, strict=True) for word in group.split()}


_SPELT = {"mbit": "Mbit", "gbit": "Gbit"}
_TRUTH = _words("yes true on", "no false off")

TIME = _units(
    "a time with its unit, as 50ms or 1.5s",
    {"s": Decimal(1), "ms": Decimal("1e-3"), "us": Decimal("1e-6"), "min": Decimal(60)},
    bare=lambda number: number == 0,
)
SHARE = _units("a share, as 10% or 0.1", {"%": Decimal("0.01")}, bare=lambda number: number <= 1)
RATE = _units(
    "a rate with its unit, as 500kbit or 10Mbit",
    {"gbit": Decimal("1e9"), "mbit": Decimal("1e6"), "kbit": Decimal("1e3"), "bit": Decimal(1)},
    bare=lambda number: False,
)
WHOLE = Kind("a whole number", lambda word: int(word) if _DIGITS.fullmatch(word) else None, str)
NUMBER = _units("a number", {"": Decimal(1)}, bare=lambda number: True)
TRUTH = Kind("yes or no", lambda word: _TRUTH.get(word.lower()), lambda value: "yes" if value else "no")
TEXT = Kind("a word", lambda word: word or None, str)
