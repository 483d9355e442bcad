"""Removes what dead runs left on this machine: on a Docker Engine, in the caches, and in temporary folders.

Namespaces need no cleanup: the kernel removes them when their last process ends.
"""

from contextlib import closing

from badwire.errors import MachineError
from badwire.uml import cache, scratch
from badwire.uml.docker import store
from badwire.util.owner import in_own_kernel


def clean() -> list[str]:
    """Remove the containers, networks and temporary folders of dead runs, and the remains of killed builds.

    If no Docker Engine answers, only files are removed.

    Returns:
        A sentence for each thing that was removed, or could not be.
    """
    removed = scratch.sweep()
    if not in_own_kernel():  # there the machine's caches are visible, and the locks of those who use them are not
        removed += cache.sweep() + store.sweep() + cache.remove_former()
    from badwire.substrate.docker.cleanup import clean as clean_engine
    from badwire.substrate.docker.client import connect

    try:
        client = connect()
    except MachineError:
        return removed
    with closing(client):
        return removed + clean_engine(client)
