"""Keeps the modules of the user's current folder out of the lab's processes.

Python looks for modules in the current folder before the standard library after ``python -m``, and for every entry of
PYTHONPATH that is empty or relative. A file ``socket.py`` there would be run by each of our processes, as root too.

Imports only what every Python has imported when it starts: anything else could be a file of that folder.
"""

import os
import site
import sys

IMPORTED_FROM = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__))
_INSTALLED = frozenset([IMPORTED_FROM, _STANDARD_LIBRARY, *site.getsitepackages()])


def isolate() -> list[str]:
    """Drop the current folder and the relative entries of PYTHONPATH from this process's path; returns what went."""
    relative = [_absolute(entry) for entry in _pythonpath() if not os.path.isabs(entry)]  # as `site` has made them
    dropped = [entry for entry in sys.path if entry in relative or _is_current_folder(entry)]
    dropped = [entry for entry in dropped if entry not in _INSTALLED]
    sys.path[:] = [entry for entry in sys.path if entry not in dropped]
    return dropped


def command(module: str, *arguments: str) -> list[str]:
    """How another Python process runs a module of ours; goes with `environment`."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """Our environment for another Python process: its PYTHONPATH leads to this package, never to the current folder."""
    entries = [entry for entry in _pythonpath() if not _is_current_folder(entry)]
    if IMPORTED_FROM not in site.getsitepackages():  # else it is found without, and after the standard library
        entries.insert(0, IMPORTED_FROM)
    others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**others, "PYTHONPATH": os.pathsep.join(entries)} if entries else others


def _pythonpath() -> list[str]:
    value = os.environ.get("PYTHONPATH", "")
    return value.split(os.pathsep) if value else []


def _is_current_folder(entry: str) -> bool:
    """Whether an entry of a path is the folder that the user stands in, now or wherever that is later."""
    if not os.path.isabs(entry):
        return True
    try:
        return os.path.samefile(entry, os.curdir)
    except OSError:
        return False  # one of the two is gone


def _absolute(entry: str) -> str:
    try:
        return os.path.abspath(entry)
    except OSError:
        return entry  # the current folder is gone
