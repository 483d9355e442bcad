"""A file that is written whole or not at all, whoever reads meanwhile."""

import contextlib
import os
from pathlib import Path


def write(path: Path, text: str) -> Path:
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
