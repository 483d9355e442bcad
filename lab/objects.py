"""JSON objects that stand in files: whatever stands there, it is an object or a ValueError."""

import json
from pathlib import Path
from typing import Any

_DIGITS = 19  # of a whole number; times in ns take as many


def read(path: Path) -> dict[str, Any]:
    """The object that a file holds. Raises OSError or ValueError."""
    return parsed(path.read_text(encoding="utf-8"))


def parsed(text: str) -> dict[str, Any]:
    """The object that a text says. Raises ValueError."""
    try:
        found = json.loads(text, parse_int=whole_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def whole_number(digits: str) -> int:
    """What nothing that is measured exceeds. Raises ValueError."""
    if len(digits.removeprefix("-")) > _DIGITS:
        raise ValueError("a number in it is too large")
    return int(digits)
