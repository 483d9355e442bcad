"""The plugin as pytest finds it: the package's, loaded while the current folder is not on the path.

A package `badwire` in the current folder, where pytest looks first, is an error: tests would import one or the other.
"""

import os
import sys

import pytest

from badwire_entry import enter

_HIDES = (
    "the package badwire in {folder} hides the lab's own; rename it, or run pytest as `pytest`, not as"
    " `python -m pytest`, and without that folder in PYTHONPATH."
)

_path_of_tests = sys.path[:]
_dropped = enter()
try:
    from badwire import pytest_plugin as plugin
finally:
    sys.path[:] = _path_of_tests

for _folder in _dropped:
    _package = os.path.join(_folder, "badwire")
    if os.path.isfile(os.path.join(_package, "__init__.py")) or os.path.isfile(f"{_package}.py"):
        raise pytest.UsageError(_HIDES.format(folder=_folder or os.curdir))

__all__ = ["plugin"]
