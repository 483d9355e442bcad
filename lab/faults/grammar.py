"""Faults as they are typed: ``delay=50ms jitter=10ms loss=10% nth=2 data=yes partition``.

A word that names a fault begins one; its value, if it has one, is that of the field that the fault cannot do without.
A word that names a field belongs to the fault before it. What is typed and what is shown are the same words.
"""

import difflib
import types
import typing
from collections.abc import Sequence
from dataclasses import MISSING, fields

from lab.errors import BadFault
from lab.faults import FAULTS, Fault, quantities
from lab.faults.quantities import Kind

_BY_NAME = {
    **dict.fromkeys(("time", "jitter", "by"), quantities.TIME),
    "probability": quantities.SHARE,
    "bits_per_second": quantities.RATE,
}
_BY_TYPE = {
    bool: quantities.TRUTH,
    int: quantities.WHOLE,
    float: quantities.NUMBER,
    str: quantities.TEXT,
}
_ENDLESS = "all"  # for a field that may be None
EXAMPLE = "delay=50ms loss=10%"


def parse(words: Sequence[str]) -> list[Fault]:
    """The faults that the words say. Raises BadFault: one sentence that names the word and what would do."""
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
    """The words that say this fault."""
    kinds, needed = _kinds(type(fault)), main(type(fault))
    said = [fault.name if needed is None else f"{fault.name}={kinds[needed].write(getattr(fault, needed))}"]
    for field in fields(fault):
        value = getattr(fault, field.name)
        if field.name != needed and value != field.default:
            said.append(f"{field.name}={_ENDLESS if value is None else kinds[field.name].write(value)}")
    return " ".join(said)


def main(fault: type[Fault]) -> str | None:
    """The field that a fault's own value is: the one that it cannot do without."""
    return next((field.name for field in fields(fault) if field.default is MISSING), None)


def usage() -> str:
    """Every fault with its fields, a line each."""
    lines = []
    for name, fault in FAULTS.items():
        needed = main(fault)
        kinds = {field: kind.what for field, kind in _kinds(fault).items() if field != needed}
        value = "" if needed is None else f"={_example(_kinds(fault)[needed])}"
        lines.append(f"  {name + value:18} {' '.join(kinds)}".rstrip())
    return "\n".join(lines)


def _example(kind: Kind) -> str:
    return {quantities.TIME: "50ms", quantities.SHARE: "10%", quantities.RATE: "10Mbit"}.get(kind, "N")


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
    """The type that a hint means, None aside."""
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
