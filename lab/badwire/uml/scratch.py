"""Temporary directories. The name identifies the owner, so that the directory of a killed owner can be removed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from badwire.errors import DiskFull
from badwire.util.owner import is_dead, owner

_PREFIX, _FORMER, _SLASH = "badwire.", "netlab.", "+"  # badwire.MACHINE+BOOT+NAMESPACE+PID+START+RANDOM


@contextmanager
def folder() -> Iterator[Path]:
    """An empty temporary directory, removed at the end of the block. Raises DiskFull if it cannot be made."""
    sweep()
    try:
        made = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{owner().replace('/', _SLASH)}{_SLASH}")).resolve()
    except OSError as error:
        raise DiskFull(
            f"No temporary folder can be made in {tempfile.gettempdir()}: {error.strerror}; make room there, or name"
            " another with TMPDIR."
        ) from error
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def sweep() -> list[str]:
    """Remove this user's directories whose owner is dead; return a sentence for each."""
    removed = []
    there = Path(tempfile.gettempdir())
    for left in [*there.glob(f"{_PREFIX}*"), *there.glob(f"{_FORMER}*")]:
        identity = left.name.removeprefix(_PREFIX).removeprefix(_FORMER)
        identity = identity.rpartition(_SLASH)[0].replace(_SLASH, "/")
        try:
            if left.lstat().st_uid != os.getuid() or not is_dead(identity):
                continue
            shutil.rmtree(left)
        except OSError:
            continue  # another process removes it at the same time
        removed.append(f"removed {left}, of a run of the kernel that was killed")
    return removed
