"""Temporary directories. The name identifies the owner, so that the directory of a killed owner can be removed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from badwire.errors import DiskFull
from badwire.util.owner import is_dead, owner

# The names: badwire.MACHINE+BOOT+NAMESPACE+PID+START+RANDOM
_PREFIX = "badwire."
_FORMER_PREFIX = "netlab."  # the project's former name
_SLASH = "+"


@contextmanager
def folder() -> Iterator[Path]:
    """An empty temporary directory, removed at the end of the block. Raises DiskFull if it cannot be made."""
    sweep()
    try:
        identity = owner().replace("/", _SLASH)
        made = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{identity}{_SLASH}")).resolve()
    except OSError as error:
        raise DiskFull(
            f"No temporary directory can be made in {tempfile.gettempdir()}: {error.strerror}; make room there, or name"
            " another with TMPDIR."
        ) from error
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def sweep() -> list[str]:
    """Remove this user's directories whose owner is dead; return a sentence for each."""
    removed = []
    parent = Path(tempfile.gettempdir())
    for folder in [*parent.glob(f"{_PREFIX}*"), *parent.glob(f"{_FORMER_PREFIX}*")]:
        identity = _identity(folder.name)
        try:
            is_mine = folder.lstat().st_uid == os.getuid()
            if not is_mine or not is_dead(identity):
                continue
            shutil.rmtree(folder)
        except OSError:
            continue  # another process removes it at the same time
        removed.append(f"removed {folder}, of a run of the kernel that was killed")
    return removed


def _identity(name: str) -> str:
    """The identity of the owner in the name of a directory, as ``badwire.util.owner`` reads it."""
    identity = name.removeprefix(_PREFIX).removeprefix(_FORMER_PREFIX)
    without_random, _, _ = identity.rpartition(_SLASH)
    return without_random.replace(_SLASH, "/")
