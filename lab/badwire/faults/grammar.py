"""Parses and formats faults on the command line: ``delay=50ms jitter=10ms loss=10% nth=2 data=yes partition``.

A word with the name of a fault starts a new fault, and its value is that of the fault's required field. A word with the
name of a field sets that field of the preceding fault; some fields (``COMMON``) are those of every fault. Values have
units, as in ``50ms``, ``10%`` and ``1Mbit``, or are words such as ``yes``.
"""

import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from typing import Any, Protocol

from badwire.errors import BadFault
from badwire.faults import FAULTS
from badwire.faults.fault import Fault, plain_name
from badwire.util.suggestion import did_you_mean

NO_LIMIT = "all"  # the word for None, in a field that may be None
EXAMPLE = "delay=50ms loss=10%"
# Names that other tools, and people, use for a fault.
_OTHER_NAMES = {
    "latency": "delay",
    "lag": "delay",
    "rtt": "delay",
    "drop": "loss",
    "lost": "loss",
    "bandwidth": "rate",
    "bw": "rate",
    "throttle": "rate",
    "dup": "duplicate",
    "corruption": "corrupt",
    "reordering": "reorder",
    "cut": "partition",
    "disconnect": "partition",
    "isolate": "partition",
    "rst": "reset",
    "reject": "reset",
}
# The fields that every fault has: which frames it applies to, and for how long.
COMMON = tuple(plain_name(field.name) for field in fields(Fault))
# Of two of these with the same fields, only one could have an effect.
_ONLY_ONE = frozenset({"rate", "mtu", "partition"})

_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z%/]*)", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,18}")  # no field of a fault needs a larger number
_SPELLING = {
    "mbit": "Mbit",
    "gbit": "Gbit",
}
_TRUE = {"yes", "true", "on"}
_FALSE = {"no", "false", "off"}


class ValueKind(Protocol):
    """A kind of value: ``description`` for error messages, and an ``example`` for the usage."""

    @property
    def description(self) -> str: ...

    @property
    def example(self) -> str: ...

    def parse(self, word: str) -> Any:
        """The value of a word, in SI units; None if the word has no such value."""

    def format(self, value: Any) -> str:
        """The word for a value."""


@dataclass(frozen=True)
class Quantity:
    """A number with a unit.

    Args:
        description: for error messages.
        units: the factor of each unit. A value is formatted with the first unit whose factor does not exceed it, or
            with the smallest unit.
        largest_bare: the largest number that is accepted without a unit; None if the unit is required.
        example: for the usage.
    """

    description: str
    units: Mapping[str, Decimal]
    largest_bare: Decimal | None = None
    example: str = "N"

    def parse(self, word: str) -> float | None:
        parts = _NUMBER.fullmatch(word.strip())
        if parts is None:
            return None
        number = Decimal(parts[1])
        unit = parts[2].lower().removesuffix("/s")
        if unit in self.units:
            return float(number * self.units[unit])
        if unit or self.largest_bare is None:
            return None
        return float(number) if number <= self.largest_bare else None

    def format(self, value: float) -> str:
        exact = Decimal(f"{value:.9g}")  # not 12.500000000000002 ms
        unit = self._unit_for(exact)
        number = exact / self.units[unit]
        digits = format(number.normalize(), "f")
        return digits + _SPELLING.get(unit, unit)

    def _unit_for(self, value: Decimal) -> str:
        for unit, factor in self.units.items():
            if factor <= value:
                return unit
        return min(self.units, key=self.units.__getitem__)


@dataclass(frozen=True)
class Whole:
    """An integer of at least 0."""

    description: str = "a whole number"
    example: str = "N"

    def parse(self, word: str) -> int | None:
        return int(word) if _DIGITS.fullmatch(word) else None

    def format(self, value: int) -> str:
        return str(value)


@dataclass(frozen=True)
class Truth:
    """Yes or no."""

    description: str = "yes or no"
    example: str = "yes"

    def parse(self, word: str) -> bool | None:
        lower = word.lower()
        if lower in _TRUE:
            return True
        if lower in _FALSE:
            return False
        return None

    def format(self, value: bool) -> str:
        return "yes" if value else "no"


@dataclass(frozen=True)
class Word:
    """A word that is not empty."""

    description: str = "a word"
    example: str = "N"

    def parse(self, word: str) -> str | None:
        return word or None

    def format(self, value: str) -> str:
        return value


TIME = Quantity(
    description="a time with its unit, such as 50ms or 1.5s",
    units={
        "s": Decimal(1),
        "ms": Decimal("1e-3"),
        "us": Decimal("1e-6"),
        "min": Decimal(60),
    },
    largest_bare=Decimal(0),
    example="50ms",
)
SHARE = Quantity(
    description="a share, such as 10% or 0.1",
    units={"%": Decimal("0.01")},
    largest_bare=Decimal(1),
    example="10%",
)
RATE = Quantity(
    description="a rate with its unit, such as 500kbit or 10Mbit",
    units={
        "gbit": Decimal("1e9"),
        "mbit": Decimal("1e6"),
        "kbit": Decimal("1e3"),
        "bit": Decimal(1),
    },
    example="10Mbit",
)
NUMBER = Quantity(
    description="a number",
    units={"": Decimal(1)},
)

_KIND_BY_FIELD: dict[str, ValueKind] = {
    "time": TIME,
    "jitter": TIME,
    "by": TIME,
    "for": TIME,
    "probability": SHARE,
    "bits_per_second": RATE,
}
_KIND_BY_TYPE: dict[type, ValueKind] = {
    bool: Truth(),
    int: Whole(),
    float: NUMBER,
    str: Word(),
}


def parse(words: Sequence[str]) -> list[Fault]:
    """Parse the words into faults.

    Raises:
        BadFault: a word is not valid; the message names the word and what is allowed.
    """
    started: list[_Started] = []
    for word in words:
        name, equals, value = word.partition("=")
        name = name.strip().lower().replace("-", "_")
        current = started[-1] if started else None
        if name in FAULTS:
            new = _Started(FAULTS[name])
            new.set_required(value if equals else None)
            started.append(new)
        elif current is not None and name in current.kinds:
            current.set(name, value, word)
        else:
            raise _unknown(word, name, current)
    faults = [each.fault() for each in started]
    _check_twice(faults)
    return faults


def _check_twice(faults: Sequence[Fault]) -> None:
    """Raise BadFault for two rates, for example, since it is not clear which one is meant."""
    first: dict[object, Fault] = {}
    for fault in faults:
        if fault.name not in _ONLY_ONE:
            continue
        required = required_field(type(fault))
        others = {name: value for name, value in fault.to_json().items() if name not in (required, "for")}
        key = str(sorted(others.items()))
        before = first.setdefault(key, fault)
        if before is not fault:
            raise BadFault(f"{fault.name} is given twice, as {text(before)} and as {text(fault)}; keep one of them.")


def text(fault: Fault) -> str:
    """Format a fault as words that ``parse`` accepts, without the fields that have their default."""
    kinds = _kinds(type(fault))
    required = required_field(type(fault))
    words = [fault.name]
    if required is not None:
        value = kinds[required].format(getattr(fault, required))
        words = [f"{fault.name}={value}"]
    for field in fields(fault):
        name = plain_name(field.name)
        value = getattr(fault, field.name)
        if field.name == required or value == field.default:
            continue
        formatted = NO_LIMIT if value is None else kinds[name].format(value)
        words.append(f"{name}={formatted}")
    return " ".join(words)


def required_field(fault: type[Fault]) -> str | None:
    """The name of a fault's required field; None if all of its fields have defaults."""
    for field in fields(fault):
        if field.default is MISSING:
            return field.name
    return None


def usage() -> str:
    """A line of help for each fault, with the names of its fields, and one for the fields that every fault has."""
    lines = []
    for name, fault in FAULTS.items():
        start = name
        required = required_field(fault)
        if required is not None:
            example = _kinds(fault)[required].example
            start = f"{name}={example}"
        optional = " ".join(_optional_fields(fault))
        line = f"  {start:18} {optional}"
        lines.append(line.rstrip())
    lines.append(f"  {'every fault':18} {' '.join(COMMON)}")
    return "\n".join(lines)


class _Started:
    """A fault whose words are being read."""

    def __init__(self, kind: type[Fault]) -> None:
        self.kind = kind
        self.kinds = _kinds(kind)
        self._values: dict[str, object] = {}

    def set_required(self, value: str | None) -> None:
        """Set the required field to the value after the fault's name; None if there is none."""
        name = self.kind.name
        required = required_field(self.kind)
        if required is None:
            if value is not None:
                raise BadFault(f"{name} takes no value; write just {name}{self._optional()}.")
            return
        if value is None:
            raise BadFault(f"{name} needs a value for its {required}: {self.kinds[required].description}.")
        self.set(required, value, f"{name}={value}")

    def _optional(self) -> str:
        names = ", ".join(_optional_fields(self.kind))
        return f", which may be followed by {names}" if names else ""

    def set(self, field: str, value: str, word: str) -> None:
        """Set a field to the value that ``word`` gives it."""
        kind = self.kinds[field]
        name = self.kind.name
        parsed = kind.parse(_with_usual_case(field, value))
        means_none = value == NO_LIMIT and _may_be_none(self.kind, field)
        if parsed is None and not means_none:
            raise BadFault(f"{word}: the {field} of {name} must be {kind.description}, not {value!r}.")
        if field in self._values:
            raise BadFault(f"{word}: the {field} of {name} is given twice; for a second {name}, name it again.")
        self._values[field] = parsed

    def fault(self) -> Fault:
        return self.kind.from_json(self._values)


def _with_usual_case(field: str, value: str) -> str:
    if field == "protocol":
        return value.lower()
    if field == "flags":
        return value.upper()
    return value


def _optional_fields(fault: type[Fault]) -> list[str]:
    """The names of its own fields that have defaults."""
    names = [plain_name(field.name) for field in fields(fault) if field.name != required_field(fault)]
    return [name for name in names if name not in COMMON]


def _kinds(fault: type[Fault]) -> dict[str, ValueKind]:
    """The kind of value of each field, by the word for the field."""
    hints = typing.get_type_hints(fault)
    kinds = {}
    for field in fields(fault):
        name = plain_name(field.name)
        kind = _KIND_BY_FIELD.get(name)
        if kind is None:
            kind = _KIND_BY_TYPE[_without_none(hints[field.name])]
        kinds[name] = kind
    return kinds


def _without_none(hint: object) -> type:
    """The type in a type hint; for ``X | None`` it is X."""
    if isinstance(hint, types.UnionType):
        members = [member for member in typing.get_args(hint) if member is not type(None)]
        hint = members[0]
    assert isinstance(hint, type)
    return hint


def _may_be_none(fault: type[Fault], field: str) -> bool:
    hints = {plain_name(name): hint for name, hint in typing.get_type_hints(fault).items()}
    return isinstance(hints[field], types.UnionType)


def _unknown(word: str, name: str, current: _Started | None) -> BadFault:
    """The error for a word that is neither a fault nor a field of the current fault."""
    owners = ", ".join(_owners(name))
    if owners:
        problem = f"{current.kind.name} has no {name}" if current else f"{name} belongs to a fault"
        return BadFault(f"{word}: {problem}; write it after the fault that it is for ({owners}).")
    known = list(FAULTS)
    if current is not None:
        known = [*current.kinds, *FAULTS]
    faults = ", ".join(FAULTS)
    written, _, _ = word.partition("=")
    if name in _OTHER_NAMES:
        return BadFault(f"There is no fault {written!r}: did you mean {_OTHER_NAMES[name]}?")
    way_out = did_you_mean(name, known, otherwise=f"there are {faults}, as in {EXAMPLE}.")
    return BadFault(f"There is no fault {written!r}: {way_out}")


def _owners(field: str) -> Iterable[str]:
    """The faults that have a field of this name, for people."""
    if field in COMMON:
        return ["any fault"]
    return [fault.name for fault in FAULTS.values() if field in _kinds(fault)]
