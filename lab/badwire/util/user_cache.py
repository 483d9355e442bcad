"""The directory of what the lab keeps between runs and can make again."""

import os
from pathlib import Path

from badwire.errors import MachineError


def root() -> Path:
    """The lab's directory in the user's cache directory, whether it exists or not.

    Raises:
        MachineError: the user has no home directory.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(named) if os.path.isabs(named) else Path.home() / ".cache"
    except RuntimeError:
        raise MachineError(
            "Nothing can be kept between runs, since this user has no home; set XDG_CACHE_HOME."
        ) from None
    return base / "badwire"
