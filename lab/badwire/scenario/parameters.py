"""A scenario's parameters: declared with their defaults, and set from text on the command line."""

import math
from collections.abc import Collection, Iterable, Mapping

from badwire.errors import BadOption
from badwire.testbed.parameters import Parameters, Value
from badwire.util.suggestion import did_you_mean

_FLAGS = {"true": True, "false": False}
_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
}


def are_parameters(value: object) -> bool:
    """Whether it is a mapping from names, as Python's variables have them, to values of a parameter."""
    if not isinstance(value, Mapping):
        return False
    return all(isinstance(name, str) and name.isidentifier() and _is_value(item) for name, item in value.items())


def _is_value(value: object) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False  # JSON has no such number
    return type(value) in _KINDS


def with_texts(owner: str, declared: Parameters, texts: Mapping[str, str]) -> Parameters:
    """The values of all parameters: those that are set by text, each of its default's type, and the defaults.

    Args:
        owner: whose parameters they are, for messages.
        declared: the defaults.
        texts: by the parameter's name.

    Raises:
        BadOption: there is no such parameter, or a text is not of its type.
    """
    values = dict(declared)
    for name, text in texts.items():
        if name not in declared:
            raise BadOption(f"{owner} has no parameter {name!r}: {hint(name, declared)}")
        values[name] = _parsed(owner, name, text, declared[name])
    return values


def hint(name: str, known: Iterable[str]) -> str:
    """What to do about a name that no parameter has, as the end of a sentence."""
    names = list(dict.fromkeys(known))
    if not names:
        return "it has none."
    return did_you_mean(name, names, otherwise=f"there are {', '.join(names)}.")


def restricted(texts: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Those of the texts that are for one of these parameters."""
    return {name: text for name, text in texts.items() if name in names}


def _parsed(owner: str, name: str, text: str, default: Value) -> Value:
    kind = type(default)
    try:
        value: Value = _FLAGS[text] if kind is bool else kind(text)
    except (KeyError, ValueError):
        value = math.nan
    if not _is_value(value):
        shown = str(default).lower() if kind is bool else repr(default)
        raise BadOption(
            f"{text!r:.200} cannot be the parameter {name} of {owner}, which is {_KINDS[kind]}, as its default {shown}."
        )
    return value
