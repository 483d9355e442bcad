"""The ways into the package: the command `badwire`, and the plugin of pytest.

Not in the package itself, since a folder `badwire` of the user's would hide both. Nothing of the user's current folder
is imported on the way in.
"""

import os
import sys


def enter() -> list[str]:
    """Make the package importable and the current folder not; returns what was dropped from the path."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path.insert(0, here)
    try:
        from badwire.util import import_path
    finally:
        sys.path.remove(here)
    return import_path.isolate()
