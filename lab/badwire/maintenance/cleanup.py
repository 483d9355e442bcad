"""Removes what dead runs left on this machine: on a Docker Engine, in the caches, and among temporary folders.

Namespaces need none of this: they go with their processes.
"""

from contextlib import closing

from badwire.errors import MachineError
from badwire.uml import cache, scratch
from badwire.uml.docker import store


def clean() -> list[str]:
    """Removes the containers and networks of runs whose owner is dead, and what such a build left; a sentence each.

    Where no engine answers, there is nothing on it to remove.
    """
    told = cache.sweep() + store.sweep() + scratch.sweep()
    from badwire.substrate.docker.cleanup import clean as clean_engine
    from badwire.substrate.docker.client import connect

    try:
        client = connect()
    except MachineError:
        return told
    with closing(client):
        return told + clean_engine(client)
