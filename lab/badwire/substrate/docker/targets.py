"""Finds the containers that `badwire attach` names, and the one network on which it joins them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import NotFound

from badwire.errors import BadOption
from badwire.util.owner import is_of_its_run
from badwire.util.suggestion import did_you_mean

PROJECT = "com.docker.compose.project"  # labels that Docker Compose gives a container
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
KINDS = ("project", "network", "container")
BRIDGE_NAME = "com.docker.network.bridge.name"  # options of a network's bridge driver
MTU = "com.docker.network.driver.mtu"
_DEFAULT_MTU = 1500  # bytes, of a network of the bridge driver
_ID = re.compile(r"[0-9a-f]{12,64}")


@dataclass(frozen=True)
class Target:
    """A running container that is to be joined.

    Attributes:
        id: the engine's id of the container.
        pid: its first process, as the engine's machine numbers it.
        address: its IPv4 address in the network, without a prefix length.
    """

    id: str
    pid: int
    address: str


@dataclass(frozen=True)
class TargetNetwork:
    """The network that is to be joined.

    Attributes:
        name: the engine's name of it.
        bridge: the bridge's name on the engine's machine.
        subnet: its IPv4 subnet.
        mtu: in bytes.
        targets: the containers, by the names that they have as hosts of the lab.
    """

    name: str
    bridge: str
    subnet: str
    mtu: int
    targets: Mapping[str, Target]


def find(client: docker.APIClient, names: Sequence[str], network: str = "") -> TargetNetwork:
    """Find what is named: compose projects, networks and containers that run.

    Args:
        names: each a project, a network or a container, with "project:", "network:" or "container:" in front where a
            name alone is ambiguous.
        network: the network, where the containers share several of them.

    Raises:
        BadOption: a name is not that of anything that runs, or the containers have no such network in common.
        docker.errors.DockerException: the engine does not answer.
    """
    running: list[dict[str, Any]] = []
    for each in client.containers():
        with suppress(NotFound):  # it has just ended
            running.append(client.inspect_container(each["Id"]))
    joinable = [each for each in running if not is_of_its_run(_name(each), _labels(each))]
    chosen: dict[str, dict[str, Any]] = {}
    named_networks: list[str] = [network] if network else []
    for name in names:
        kind, found = _resolve(client, name, joinable)
        if kind == "network" and not network:
            named_networks.append(name.removeprefix("network:"))
        for container in found:
            chosen[container["Id"]] = container
    containers = list(chosen.values())
    for container in containers:
        if container["State"].get("Paused"):
            raise BadOption(f"The container {_name(container)} is paused: docker unpause {_name(container)}.")
    joined = _common_network(client, containers, named_networks)
    return _target_network(joined, containers)


def _resolve(
    client: docker.APIClient, name: str, running: Sequence[dict[str, Any]]
) -> tuple[str, Sequence[dict[str, Any]]]:
    """The kind of what is named, and its containers."""
    only, _, rest = name.partition(":")
    wanted = (only,) if only in KINDS and rest else KINDS
    plain = rest if only in KINDS and rest else name
    found: dict[str, list[dict[str, Any]]] = {}
    if "project" in wanted:
        found["project"] = [each for each in running if _labels(each).get(PROJECT) == plain]
    if "network" in wanted and (net := _find_network(client, plain)) is not None:
        found["network"] = [each for each in running if net["Name"] in _networks_of(each)]
        if not found["network"]:
            raise BadOption(f"No container runs on the network {plain}: start one first.")
    if "container" in wanted:
        found["container"] = [each for each in running if _is_called(each, plain)]
    kinds = [kind for kind, containers in found.items() if containers]
    if len(kinds) > 1:
        both = " and a ".join(kinds)
        raise BadOption(f"{plain} is a {both}: write {kinds[0]}:{plain} or {kinds[1]}:{plain}.")
    if not kinds:
        raise BadOption(f"Nothing called {name!r} is running: {_hint(client, plain, running)}")
    return kinds[0], found[kinds[0]]


def _hint(client: docker.APIClient, name: str, running: Sequence[dict[str, Any]]) -> str:
    projects = sorted({_labels(each)[PROJECT] for each in running if PROJECT in _labels(each)})
    containers = sorted(_name(each) for each in running)
    if not containers:
        return "no container is running; start your project first (docker compose up -d)."
    known = [*projects, *containers, *(net["Name"] for net in client.networks())]
    listed = ", ".join([*projects, *containers])
    return did_you_mean(name, known, otherwise=f"there are {listed}.")


def _find_network(client: docker.APIClient, name: str) -> dict[str, Any] | None:
    for network in client.networks():
        is_its_id = bool(_ID.fullmatch(name)) and network["Id"].startswith(name)
        if network["Name"] == name or is_its_id:
            return dict(network)
    return None


def _is_called(container: Mapping[str, Any], name: str) -> bool:
    is_its_id = bool(_ID.fullmatch(name)) and container["Id"].startswith(name)
    return _name(container) == name or is_its_id


def _common_network(
    client: docker.APIClient, containers: Sequence[dict[str, Any]], named: Sequence[str]
) -> dict[str, Any]:
    """The network that all containers are on; if they share several, the one that was named."""
    common = set(_networks_of(containers[0]))
    for container in containers[1:]:
        common &= set(_networks_of(container))
    bridges: dict[str, dict[str, Any]] = {}
    for name in sorted(common):
        network = client.inspect_network(name)
        if network["Driver"] == "bridge":
            bridges[name] = network
    if named:
        wanted = _find_network(client, named[0])
        if wanted is None:
            raise BadOption(f"There is no network {named[0]}: {_all_networks(client)}")
        if wanted["Name"] not in bridges:
            outside = [_name(each) for each in containers if wanted["Name"] not in _networks_of(each)]
            if outside:
                raise BadOption(f"{', '.join(outside)} is not on the network {wanted['Name']}: leave it out.")
            raise BadOption(
                f"The network {wanted['Name']} has the driver {wanted['Driver']}; only bridge can be joined."
            )
        return bridges[wanted["Name"]]
    if len(bridges) == 1:
        return next(iter(bridges.values()))
    if bridges:
        choices = " or ".join(f"--network {name}" for name in bridges)
        raise BadOption(f"The containers share several networks: choose one with {choices}.")
    places = "; ".join(f"{_name(each)}: {', '.join(_networks_of(each)) or 'none'}" for each in containers)
    raise BadOption(f"The containers share no bridge network ({places}): name one network, as in network:NAME.")


def _all_networks(client: docker.APIClient) -> str:
    names = ", ".join(sorted(network["Name"] for network in client.networks()))
    return f"the engine has {names}."


def _target_network(network: Mapping[str, Any], containers: Sequence[dict[str, Any]]) -> TargetNetwork:
    name = network["Name"]
    options = network.get("Options") or {}
    configs = (network.get("IPAM") or {}).get("Config") or []
    subnets = [config["Subnet"] for config in configs if ":" not in config.get("Subnet", ":")]
    if not subnets:
        raise BadOption(f"The network {name} has no IPv4 subnet, which a lab needs; recreate it with one.")
    names = _host_names(containers)
    targets: dict[str, Target] = {}
    for container in sorted(containers, key=lambda each: names[each["Id"]]):
        address = container["NetworkSettings"]["Networks"][name]["IPAddress"]
        targets[names[container["Id"]]] = Target(container["Id"], container["State"]["Pid"], address)
    return TargetNetwork(
        name=name,
        bridge=options.get(BRIDGE_NAME) or f"br-{network['Id'][:12]}",
        subnet=subnets[0],
        mtu=int(options.get(MTU, _DEFAULT_MTU)),
        targets=targets,
    )


def _host_names(containers: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The name of each container as a host, by its id: its service, else its own name.

    Several containers of one service are called SERVICE-NUMBER; services of several projects by their containers.
    """
    services = Counter(_labels(each).get(SERVICE, "") for each in containers)
    projects = {_labels(each)[PROJECT] for each in containers if PROJECT in _labels(each)}
    names = {}
    for container in containers:
        labels = _labels(container)
        service = labels.get(SERVICE, "")
        if not service or (services[service] > 1 and len(projects) > 1):
            names[container["Id"]] = _name(container)
        elif services[service] > 1:
            names[container["Id"]] = f"{service}-{labels.get(NUMBER, container['Id'][:12])}"
        else:
            names[container["Id"]] = service
    return names


def _networks_of(container: Mapping[str, Any]) -> list[str]:
    """The networks on which a container has an interface of its own."""
    mode = str(container["HostConfig"].get("NetworkMode", ""))
    if mode in ("host", "none") or mode.startswith("container:"):
        return []
    return list(container["NetworkSettings"]["Networks"] or {})


def _labels(container: Mapping[str, Any]) -> dict[str, str]:
    return dict(container["Config"].get("Labels") or {})


def _name(container: Mapping[str, Any]) -> str:
    return str(container["Name"]).removeprefix("/")
