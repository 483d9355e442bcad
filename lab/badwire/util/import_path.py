"""Keeps the modules of the user's current folder out of the lab's processes.

``python -m``, and an empty or relative entry of PYTHONPATH, make Python search the current folder before the standard
library. Each of the lab's processes, some of which are root, would then run a file named ``socket.py`` in that folder.

This module imports only modules that every Python interpreter imports when it starts, since any other could come from
that folder.
"""

import os
import site
import sys

IMPORTED_FROM = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__))
_INSTALLED = frozenset([IMPORTED_FROM, _STANDARD_LIBRARY, *site.getsitepackages()])


def isolate() -> list[str]:
    """Remove the current folder and the relative entries of PYTHONPATH from sys.path; returns the removed entries."""
    relative = [_absolute(entry) for entry in _pythonpath() if not os.path.isabs(entry)]  # `site` makes them absolute
    dropped = [entry for entry in sys.path if entry in relative or _is_current_folder(entry)]
    dropped = [entry for entry in dropped if entry not in _INSTALLED]
    sys.path[:] = [entry for entry in sys.path if entry not in dropped]
    return dropped


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of the lab in a new Python process; to be used with `environment`."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """The environment for a new Python process: PYTHONPATH has this package's folder, and not the current folder."""
    entries = [entry for entry in _pythonpath() if not _is_current_folder(entry)]
    if IMPORTED_FROM not in site.getsitepackages():  # there it is found anyway, after the standard library
        entries.insert(0, IMPORTED_FROM)
    others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**others, "PYTHONPATH": os.pathsep.join(entries)} if entries else others


def _pythonpath() -> list[str]:
    value = os.environ.get("PYTHONPATH", "")
    return value.split(os.pathsep) if value else []


def _is_current_folder(entry: str) -> bool:
    """Whether an entry of PYTHONPATH is the current folder, or is relative and so depends on the current folder."""
    if not os.path.isabs(entry):
        return True
    try:
        return os.path.samefile(entry, os.curdir)
    except OSError:
        return False  # one of the two does not exist


def _absolute(entry: str) -> str:
    try:
        return os.path.abspath(entry)
    except OSError:
        return entry  # the current folder was removed
