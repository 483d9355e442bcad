"""Imports with the sys.path from before pytest put folders of tests at its front, where they could hide our modules."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PATH = tuple(sys.path)  # at the time the plugin is loaded, see badwire_entry.pytest_plugin


@contextmanager
def own_path() -> Iterator[None]:
    """Restore that sys.path during the block, for imports that are made only when they are needed."""
    path_of_tests = sys.path[:]
    sys.path[:] = _PATH
    try:
        yield
    finally:
        sys.path[:] = path_of_tests
