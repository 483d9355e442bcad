"""Where the lab's own modules are looked for: not in folders of tests, which pytest puts before all others later."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PATH = tuple(sys.path)  # as it is when the plugin is loaded, see badwire_entry.pytest_plugin


@contextmanager
def own_path() -> Iterator[None]:
    """Around imports of what only some sessions need."""
    path_of_tests = sys.path[:]
    sys.path[:] = _PATH
    try:
        yield
    finally:
        sys.path[:] = path_of_tests
