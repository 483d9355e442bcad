"""Removes what dead runs left on a Docker Engine, a dead build of the kernel in the cache, and the note of a dead lab.

What is ours on an engine is told by labels, and whose it is by the owner's identity in them; never by names. Namespaces
need none of this: they go with their processes.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

from lab.errors import MachineError
from lab.hands import place
from lab.kernel import cache, engine_store, scratch
from lab.owner import OWNER, RUN, is_dead

if TYPE_CHECKING:  # a run on namespaces must not pay for the SDK
    import docker

AT_ONCE = 16  # requests to an engine; it does little more than two at a time anyway


def clean(client: "docker.APIClient | None" = None) -> list[str]:
    """Removes the containers and networks of runs whose owner is dead, and what such a build left; a sentence each.

    ``client`` is a connection to an engine that is there already: then only what is on it is looked at. Where no engine
    answers, there is nothing on it to remove.
    """
    if client is not None:
        return _clean(client)
    told = cache.sweep() + engine_store.sweep() + scratch.sweep() + place.sweep()
    from lab.substrate.docker_engine import connect

    try:
        client = connect()
    except MachineError:
        return told
    with closing(client):
        return told + _clean(client)


def _clean(client: "docker.APIClient") -> list[str]:
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    from lab.substrate.docker_engine import says

    dead = {
        labels[RUN]: labels[OWNER].split("/")[-2]
        for labels in _labels(client)
        if RUN in labels and is_dead(labels.get(OWNER, ""))
    }
    told = []
    for run, pid in dead.items():
        try:
            removed = sweep(client, run)
        except (DockerException, RequestException) as error:
            # Its janitor, or another clean, may be at it; a new run must not fail for an old one.
            told.append(f"could not remove all of run {run}, whose process {pid} is gone: {says(error)}")
            continue
        if removed:
            told.append(f"removed {', '.join(removed)} of run {run}, whose process {pid} is gone")
    return told


def sweep(client: "docker.APIClient", run: str) -> list[str]:
    """Removes all that bears the label of this run, containers first; what it found, such as "container x".

    Returns when it is gone. Raises docker.errors.APIError if the engine will not remove something.
    """
    found = [
        ("container", entry["Id"], (entry["Names"] or ["?"])[0].strip("/"))
        for entry in _containers(client, f"{RUN}={run}")
    ]
    if found:
        with ThreadPoolExecutor(min(AT_ONCE, len(found))) as pool:
            list(pool.map(lambda entry: _remove_container(client, entry[1]), found))
    networks = [("network", entry["Id"], entry["Name"]) for entry in _networks(client, f"{RUN}={run}")]
    for _, identity, _ in networks:
        _remove_network(client, identity)
    return [f"{kind} {name}" for kind, _, name in found + networks]


def _remove_container(client: "docker.APIClient", identity: str) -> None:
    from docker.errors import APIError, NotFound

    try:
        client.remove_container(identity, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:
            raise
        # The engine is removing it already, because its agent ended first: that is over when this returns.
        try:
            client.wait(identity, condition="removed")
        except NotFound:
            return


def _remove_network(client: "docker.APIClient", identity: str) -> None:
    from docker.errors import NotFound

    try:
        client.remove_network(identity)
    except NotFound:
        return


def _containers(client: "docker.APIClient", label: str) -> list[dict[str, Any]]:
    return list(client.containers(all=True, filters={"label": label}))


def _networks(client: "docker.APIClient", label: str) -> list[dict[str, Any]]:
    return list(client.networks(filters={"label": label}))


def _labels(client: "docker.APIClient") -> list[dict[str, str]]:
    return [entry["Labels"] or {} for entry in _containers(client, OWNER) + _networks(client, OWNER)]
