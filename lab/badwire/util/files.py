"""Reads JSON objects from files that may be damaged, and replaces files atomically.

Whatever a file contains, the result is a JSON object or a ValueError.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_DIGITS = 19  # the most in an integer; times in ns have up to 19


def read_json_object(path: Path) -> dict[str, Any]:
    """Read the JSON object in a file.

    Raises:
        OSError: the file cannot be read.
        ValueError: as for ``parse_json_object``, or the file is not in UTF-8.
    """
    return parse_json_object(path.read_text(encoding="utf-8"))


def parse_json_object(text: str) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        ValueError: ``text`` is not JSON or not an object, is nested too deeply, or contains an integer that is too
            large (see ``whole_number``).
    """
    try:
        found = json.loads(text, parse_int=whole_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return found


def whole_number(digits: str) -> int:
    """Convert an integer in JSON (``parse_int`` of ``json.loads``).

    Raises:
        ValueError: it has more than 19 digits, which no measured value needs.
    """
    if len(digits.removeprefix("-")) > _DIGITS:
        raise ValueError("a number in it is too large")
    return int(digits)


def atomic_write(path: Path, text: str) -> Path:
    """Write ``text`` to the file ``path`` as ``replacing`` does; returns ``path``. Raises OSError."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")  # a lone surrogate becomes an escape
    return path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """The path of a temporary file beside ``path`` that the block writes; it is renamed to ``path`` afterwards.

    A reader sees either the old content or the new one. Temporary files that killed writers left are removed first.

    Raises:
        OSError: the file cannot be written; the old content is unchanged.
    """
    prefix = f".{path.name}."
    for leftover in path.parent.glob(f"{prefix}*"):
        writer = leftover.suffix.removeprefix(".")
        is_pid = writer.isascii() and writer.isdigit()
        if is_pid and not os.path.lexists(f"/proc/{writer}"):
            with contextlib.suppress(OSError):  # it belongs to another user, or is not a file
                leftover.unlink()
    temporary = path.with_name(f"{prefix}{os.getpid()}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
