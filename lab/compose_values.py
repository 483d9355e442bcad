"""The values in a compose file: each reader takes one as YAML gave it and returns it checked, or raises Bad."""

import re
from collections.abc import Callable
from typing import Any

SIZE = re.compile(r"[0-9]+(b|k|m|g|kb|mb|gb)?")


class Bad(Exception):
    """What is wrong with a value, as the part of a sentence that comes after the file's name."""


def table(value: object, here: str) -> dict[str, Any]:
    """A mapping with text for keys."""
    if not isinstance(value, dict):
        raise Bad(f"{here} must be a mapping, {_is(value)}")
    for key in value:
        if not isinstance(key, str):
            raise Bad(f"{here}: the key {key!r} must be text")
    return value


def text(value: object, here: str) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise Bad(f"{here} must be text, {_is(value)}")
    return value


def flag(value: object, here: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Bad(f"{here} must be true or false, {_is(value)}")
    return value


def number(value: object, here: str) -> int:
    """A whole number from 0 on, also when it is written as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Bad(f"{here} must be a whole number, {_is(value)}")
    return value


def positive(value: object, here: str) -> float:
    """A number above 0, also when it is written as text."""
    try:
        result = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except ValueError:
        result = 0.0
    if not 0 < result < float("inf"):
        raise Bad(f"{here} must be a number above 0, {_is(value)}")
    return result


def size(value: object, here: str) -> int | str:
    """A number of bytes, or a text such as 256m."""
    if isinstance(value, str) and SIZE.fullmatch(value.lower()):
        return value.lower()
    if isinstance(value, str):
        raise Bad(f"{here} must be a size such as 256m, {_is(value)}")
    return number(value, here)


def words(value: object, here: str, pairs: bool = False) -> tuple[str, ...]:
    """A list of texts; with ``pairs`` of the form name=value, which may also be a mapping."""
    if pairs and isinstance(value, dict):
        for name, item in table(value, here).items():
            if isinstance(item, bool) or not isinstance(item, str | int | float):
                raise Bad(f"{here}: '{name}' must be text or a number, {_is(item)}")
        return tuple(f"{name}={item}" for name, item in value.items())
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Bad(f"{here} must be a list of texts, {_is(value)}")
    for item in value if pairs else ():
        if "=" not in item:
            raise Bad(f"{here}: {item!r} must be of the form name=value")
    return tuple(value)


def one(value: object, choice: tuple[str, ...], here: str) -> str:
    """One of the texts in ``choice``."""
    if value not in choice:
        raise Bad(f"{here} must be {' or '.join(choice)}, {_is(value)}")
    return str(value)


def _texts(value: object, here: str) -> tuple[str, ...]:
    return words([value] if isinstance(value, str) else value, here)


def _environment(value: object, here: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in words(value, here, pairs=True))


# The keys of a service that become a field of lab.topology.Container under the same name.
READERS: dict[str, Callable[[object, str], Any]] = {
    "image": text,
    "cap_add": words,
    "cap_drop": words,
    "security_opt": words,
    "read_only": flag,
    "tmpfs": _texts,
    "pids_limit": number,
    "mem_limit": size,
    "cpus": positive,
    "environment": _environment,
    "hostname": text,
    "init": flag,
    "stop_signal": text,
}


def _is(value: object) -> str:
    return "but is missing" if value is None else f"not {value!r}"
