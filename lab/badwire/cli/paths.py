"""Paths as the commands print them."""

import os
from pathlib import Path


def relative(path: Path) -> str:
    """Return the path relative to the current directory if it is below it, otherwise unchanged."""
    if path.is_relative_to(Path.cwd()):
        return os.path.relpath(path)
    return str(path)
