"""Removes the containers and networks that dead runs left on a Docker Engine.

A lab made a container or network if its labels name a run and its own name contains that run; a label alone may be
inherited (see ``badwire.util.owner``). This also applies to the project's former name. Another label has the owner, the
process that opened the lab.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from badwire.util.owner import FORMER, OWNER, RUN, is_dead, is_of_its_run

if TYPE_CHECKING:  # a run on namespaces must not load the SDK
    import docker


RESTORES = "badwire.restores"  # label: of a container that ends by itself, once it has undone what the lab changed
RESTORE_WITHIN = 10  # seconds; it takes about 0.1 s
PARALLEL = 16  # requests to an engine, which executes little more than two at a time


def clean(client: "docker.APIClient") -> list[str]:
    """Remove the containers and networks of runs whose owner is dead; returns a sentence for each run."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    from badwire.substrate.docker.client import engine_message

    dead_runs = _dead_runs(client, RUN, OWNER)
    dead_runs.update(_dead_runs(client, FORMER[RUN], FORMER[OWNER]))
    report: list[str] = []
    for run, pid in dead_runs.items():
        try:
            removed = sweep(client, run)
        except (DockerException, RequestException) as error:
            # Its janitor or another cleanup may be removing it; a new run must not fail because of an old one.
            message = engine_message(error)
            report.append(f"could not remove all of run {run}, whose process {pid} has ended: {message}")
            continue
        if removed:
            listed = ", ".join(removed)
            report.append(f"removed {listed} of run {run}, whose process {pid} has ended")
    return report


def sweep(client: "docker.APIClient", run: str) -> list[str]:
    """Remove the containers of this run, then its network; returns what was found, such as "container x".

    Waits until all is removed.

    Raises:
        docker.errors.APIError: the engine does not remove something.
    """
    labels = [f"{RUN}={run}", f"{FORMER[RUN]}={run}"]
    containers: list[dict[str, Any]] = []
    for label in labels:
        containers += _containers(client, label)
    if containers:
        with ThreadPoolExecutor(min(PARALLEL, len(containers))) as pool:
            list(pool.map(partial(_end, client), containers))
    removed = [f"container {_container_name(container)}" for container in containers]
    for label in labels:
        for network in _networks(client, label):
            _remove_network(client, network["Id"])
            removed.append(f"network {network['Name']}")
    return removed


def _dead_runs(client: "docker.APIClient", run_label: str, owner_label: str) -> dict[str, str]:
    """The runs whose owner is dead, each with the owner's process id, by the labels of containers and networks."""
    dead: dict[str, str] = {}
    for entry in _containers(client, owner_label) + _networks(client, owner_label):
        labels = entry["Labels"]
        identity = labels[owner_label]
        if run_label in labels and is_dead(identity):
            _machine, _boot, _namespace, pid, _started = identity.split("/")
            run = labels[run_label]
            dead[run] = pid
    return dead


def _end(client: "docker.APIClient", container: Mapping[str, Any]) -> None:
    """Remove a container; one that undoes what the lab has changed ends by itself, when the others are gone."""
    if RESTORES in container["Labels"]:
        _wait_until_ended(client, container["Id"])
    _remove_container(client, container["Id"])


def _remove_container(client: "docker.APIClient", identity: str) -> None:
    from docker.errors import APIError, NotFound

    try:
        client.remove_container(identity, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:
            raise
        # Its agent has ended, so the engine is already removing it; wait for that.
        try:
            client.wait(identity, condition="removed")
        except NotFound:
            return


def _wait_until_ended(client: "docker.APIClient", identity: str) -> None:
    """Return when a container has ended, or after 10 s: it was stopped, and will not end by itself."""
    from docker.errors import NotFound
    from requests.exceptions import ConnectionError, ReadTimeout

    with suppress(NotFound, ReadTimeout, ConnectionError):
        client.wait(identity, timeout=RESTORE_WITHIN)


def _remove_network(client: "docker.APIClient", identity: str) -> None:
    from docker.errors import NotFound

    try:
        client.remove_network(identity)
    except NotFound:
        return


def _containers(client: "docker.APIClient", label: str) -> list[dict[str, Any]]:
    """The containers with this label that a lab made, without those that inherited the label from their image."""
    made: list[dict[str, Any]] = []
    for container in client.containers(all=True, filters={"label": label}):
        names = [name.strip("/") for name in container["Names"] or []]
        if any(is_of_its_run(name, container["Labels"]) for name in names):
            made.append(container)
    return made


def _container_name(container: Mapping[str, Any]) -> str:
    names = container["Names"] or ["?"]
    return str(names[0].strip("/"))


def _networks(client: "docker.APIClient", label: str) -> list[dict[str, Any]]:
    networks = client.networks(filters={"label": label})
    return [network for network in networks if is_of_its_run(network["Name"], network["Labels"])]
