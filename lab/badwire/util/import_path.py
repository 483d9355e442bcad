"""Keeps the modules of the user's current folder out of the lab's processes.

``python -m``, and an empty or relative entry of PYTHONPATH, make Python search the current folder before the standard
library. Each of the lab's processes, some of which are root, would then run a file named ``socket.py`` in that folder.

This module imports only modules that every Python interpreter imports when it starts, since any other could come from
that folder.
"""

import os
import site
import sys

_THIS_FOLDER = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = os.path.dirname(_THIS_FOLDER)
IMPORTED_FROM = os.path.dirname(_PACKAGE)  # the entry of sys.path from which the package is imported
_STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__))
_SITE_PACKAGES = site.getsitepackages()
_INSTALLED = {IMPORTED_FROM, _STANDARD_LIBRARY, *_SITE_PACKAGES}


def isolate() -> list[str]:
    """Remove the current folder and the relative entries of PYTHONPATH from sys.path; returns the removed entries."""
    relative = []
    for entry in _pythonpath():
        if not os.path.isabs(entry):
            relative.append(_absolute(entry))  # as `site` has made it in sys.path
    kept = []
    removed = []
    for entry in sys.path:
        is_users = entry in relative or _is_current_folder(entry)
        if is_users and entry not in _INSTALLED:
            removed.append(entry)
        else:
            kept.append(entry)
    sys.path[:] = kept
    return removed


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of the lab in a new Python process; to be used with `environment`."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """The environment for a new Python process: PYTHONPATH has this package's folder, and not the current folder."""
    entries = [entry for entry in _pythonpath() if not _is_current_folder(entry)]
    if IMPORTED_FROM not in _SITE_PACKAGES:  # there it is found anyway, after the standard library
        entries.insert(0, IMPORTED_FROM)
    variables = dict(os.environ)
    variables.pop("PYTHONPATH", None)
    if entries:
        variables["PYTHONPATH"] = os.pathsep.join(entries)
    return variables


def _pythonpath() -> list[str]:
    value = os.environ.get("PYTHONPATH", "")
    if not value:
        return []
    return value.split(os.pathsep)


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
