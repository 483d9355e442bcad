"""JSON objects that stand in files: whatever stands there, it is an object or a ValueError.

A file that is written whole or not at all, whoever reads meanwhile.
"""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

_DIGITS = 19  # of a whole number; times in ns take as many


def read_json_object(path: Path) -> dict[str, Any]:
    """The object that a file holds. Raises OSError or ValueError."""
    return parse_json_object(path.read_text(encoding="utf-8"))


def parse_json_object(text: str) -> dict[str, Any]:
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


def atomic_write(path: Path, text: str) -> Path:
    """Write ``text`` to ``path``; if that fails, what was there stays. Raises OSError.

    What a writer that was killed had left of a part goes with the next writing.
    """
    for part in path.parent.glob(f".{path.name}.*"):
        number = part.suffix[1:]
        if number.isascii() and number.isdigit() and not os.path.lexists(f"/proc/{number}"):
            with contextlib.suppress(OSError):  # another user's, or no file
                part.unlink()
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")  # a lone surrogate, as JSON escapes it
        return part.replace(path)
    finally:
        part.unlink(missing_ok=True)
