"""Removes the containers and networks that dead runs left on a Docker Engine.

A lab made a container or network if its labels name a run and its own name contains that run; a label alone may be
inherited (see ``badwire.util.owner``). This also applies to the project's former name. Another label has the owner, the
process that opened the lab.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from badwire.util.owner import FORMER, OWNER, RUN, is_dead, is_of_its_run

if TYPE_CHECKING:  # a run on namespaces must not load the SDK
    import docker


PARALLEL = 16  # requests to an engine, which executes little more than two at a time


def clean(client: "docker.APIClient") -> list[str]:
    """Remove the containers and networks of runs whose owner is dead; returns a sentence for each run."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    from badwire.substrate.docker.client import engine_message

    dead = {
        labels[run]: labels[owner].split("/")[-2]
        for run, owner in ((RUN, OWNER), (FORMER[RUN], FORMER[OWNER]))
        for labels in _labels(client, owner)
        if run in labels and is_dead(labels.get(owner, ""))
    }
    report = []
    for run, pid in dead.items():
        try:
            removed = sweep(client, run)
        except (DockerException, RequestException) as error:
            # Its janitor or another cleanup may be removing it; a new run must not fail because of an old one.
            report.append(f"could not remove all of run {run}, whose process {pid} has ended: {engine_message(error)}")
            continue
        if removed:
            report.append(f"removed {', '.join(removed)} of run {run}, whose process {pid} has ended")
    return report


def sweep(client: "docker.APIClient", run: str) -> list[str]:
    """Remove the containers of this run, then its network; returns what was found, such as "container x".

    Waits until all is removed.

    Raises:
        docker.errors.APIError: the engine does not remove something.
    """
    labels = [f"{label}={run}" for label in (RUN, FORMER[RUN])]
    found = [
        ("container", entry["Id"], (entry["Names"] or ["?"])[0].strip("/"))
        for label in labels
        for entry in _containers(client, label)
    ]
    if found:
        with ThreadPoolExecutor(min(PARALLEL, len(found))) as pool:
            list(pool.map(lambda entry: _remove_container(client, entry[1]), found))
    networks = [("network", entry["Id"], entry["Name"]) for label in labels for entry in _networks(client, label)]
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
        # Its agent has ended, so the engine is already removing it; wait for that.
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
    """The containers with this label that a lab made, without those that inherited the label from their image."""
    found = client.containers(all=True, filters={"label": label})
    return [one for one in found if any(is_of_its_run(name.strip("/"), one["Labels"]) for name in one["Names"] or ())]


def _networks(client: "docker.APIClient", label: str) -> list[dict[str, Any]]:
    found = client.networks(filters={"label": label})
    return [one for one in found if is_of_its_run(one["Name"], one["Labels"])]


def _labels(client: "docker.APIClient", owner: str) -> list[dict[str, str]]:
    return [entry["Labels"] for entry in _containers(client, owner) + _networks(client, owner)]
