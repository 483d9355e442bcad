"""Parses and formats faults on the command line: ``delay=50ms jitter=10ms loss=10% nth=2 data=yes partition``.

A word with the name of a fault starts a new fault, and its value is that of the fault's required field. A word with the
name of a field sets that field of the preceding fault. Values have units, as in ``50ms``, ``10%`` and ``1Mbit``, or are
words such as ``yes``.
"""

import difflib
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from typing import Any

from badwire.errors import BadFault
from badwire.faults import FAULTS
from badwire.faults.fault import Fault

_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z%/]*)", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,18}")  # no field of a fault needs a larger number


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    ``what`` describes it in error messages. ``read`` returns the value of a word in SI units, or None if the word has
    no such value. ``write`` is the inverse.
    """

    what: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]


def _units(what: str, units: Mapping[str, Decimal], bare: Callable[[Decimal], bool]) -> Kind:
    """The kind of a number with a unit; ``units`` maps each unit to its factor.

    A value is written with the first unit whose factor does not exceed it, or with the smallest unit. ``bare`` returns
    whether a number is accepted without a unit.
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
        exact = Decimal(f"{value:.9g}")  # not 12.500000000000002 ms
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


_BY_NAME = {
    **dict.fromkeys(("time", "jitter", "by"), TIME),
    "probability": SHARE,
    "bits_per_second": RATE,
}
_BY_TYPE = {
    bool: TRUTH,
    int: WHOLE,
    float: NUMBER,
    str: TEXT,
}
_ENDLESS = "all"  # the word for None, in a field that may be None
EXAMPLE = "delay=50ms loss=10%"


def parse(words: Sequence[str]) -> list[Fault]:
    """Parse the words into faults.

    Raises:
        BadFault: a word is not valid; the message names the word and what is allowed.
    """
    begun: list[tuple[type[Fault], dict[str, object]]] = []
    for word in words:
        name, equals, value = word.partition("=")
        name = name.strip().lower().replace("-", "_")
        if name in FAULTS:
            begun.append((FAULTS[name], {}))
            _begin(*begun[-1], value, bool(equals))
        elif begun and name in _kinds(begun[-1][0]):
            _put(*begun[-1], name, value, word)
        else:
            raise BadFault(_unknown(word, name, begun[-1][0] if begun else None))
    return [_made(kind, given) for kind, given in begun]


def text(fault: Fault) -> str:
    """Format a fault as words that ``parse`` accepts, without the fields that have their default."""
    kinds = _kinds(type(fault))
    needed = main(type(fault))
    words = [fault.name if needed is None else f"{fault.name}={kinds[needed].write(getattr(fault, needed))}"]
    for field in fields(fault):
        value = getattr(fault, field.name)
        if field.name != needed and value != field.default:
            words.append(f"{field.name}={_ENDLESS if value is None else kinds[field.name].write(value)}")
    return " ".join(words)


def main(fault: type[Fault]) -> str | None:
    """The name of a fault's required field, or None."""
    return next((field.name for field in fields(fault) if field.default is MISSING), None)


def usage() -> str:
    """A line of help for each fault, with the names of its fields."""
    lines = []
    for name, fault in FAULTS.items():
        needed = main(fault)
        kinds = {field: kind.what for field, kind in _kinds(fault).items() if field != needed}
        value = "" if needed is None else f"={_example(_kinds(fault)[needed])}"
        lines.append(f"  {name + value:18} {' '.join(kinds)}".rstrip())
    return "\n".join(lines)


def _example(kind: Kind) -> str:
    return {TIME: "50ms", SHARE: "10%", RATE: "10Mbit"}.get(kind, "N")


def _begin(fault: type[Fault], given: dict[str, object], value: str, has_one: bool) -> None:
    needed = main(fault)
    if needed is None and has_one:
        raise BadFault(f"{fault.name} takes no value; write just {fault.name}{_fields_of(fault)}.")
    if needed is not None and not has_one:
        raise BadFault(f"{fault.name} needs a value, its {needed}: {_kinds(fault)[needed].what}.")
    if needed is not None:
        _put(fault, given, needed, value, f"{fault.name}={value}")


def _put(fault: type[Fault], given: dict[str, object], field: str, value: str, word: str) -> None:
    kind = _kinds(fault)[field]
    read = kind.read(value.lower() if field == "protocol" else value.upper() if field == "flags" else value)
    if read is None and not (value == _ENDLESS and _may_be_none(fault, field)):
        raise BadFault(f"{word}: the {field} of {fault.name} is {kind.what}, not {value!r}.")
    if field in given:
        raise BadFault(f"{word}: the {field} of {fault.name} is given twice; to have two of a fault, name it twice.")
    given[field] = read


def _made(kind: type[Fault], given: dict[str, object]) -> Fault:
    return kind.from_json(given)


def _kinds(fault: type[Fault]) -> dict[str, Kind]:
    hints = typing.get_type_hints(fault)
    return {field.name: _BY_NAME.get(field.name) or _BY_TYPE[_bare(hints[field.name])] for field in fields(fault)}


def _bare(hint: object) -> type:
    """The type in a type hint; for ``X | None`` it is X."""
    if isinstance(hint, types.UnionType):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    assert isinstance(hint, type)
    return hint


def _may_be_none(fault: type[Fault], field: str) -> bool:
    return isinstance(typing.get_type_hints(fault)[field], types.UnionType)


def _fields_of(fault: type[Fault]) -> str:
    names = [name for name in _kinds(fault) if name != main(fault)]
    return f", and after it, if you like, {', '.join(names)}" if names else ""


def _unknown(word: str, name: str, last: type[Fault] | None) -> str:
    if owners := [fault.name for fault in FAULTS.values() if name in _kinds(fault)]:
        placed = f"{last.name} has no {name}" if last else f"{name} belongs to a fault"
        return f"{word}: {placed}; write it after the fault that it is for ({', '.join(owners)})."
    known = [*(_kinds(last) if last else ()), *FAULTS]
    near = difflib.get_close_matches(name, known, n=1)
    way_out = f"did you mean {near[0]}?" if near else f"there are {', '.join(FAULTS)}, as in {EXAMPLE}."
    return f"There is no fault {word.partition('=')[0]!r}: {way_out}"
