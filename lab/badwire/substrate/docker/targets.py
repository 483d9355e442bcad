"""Finds the containers that `badwire attach` names, and the one network on which it joins them."""

import re
import time
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

PROJECT = "com.docker.compose.project"  # labels that Docker Compose gives a container, and NETWORK a network
SERVICE = "com.docker.compose.service"
NETWORK = "com.docker.compose.network"
NUMBER = "com.docker.compose.container-number"
KINDS = ("project", "network", "container")
BRIDGE_NAME = "com.docker.network.bridge.name"  # options of a network's bridge driver
MTU = "com.docker.network.driver.mtu"
_DEFAULT_MTU = 1500  # bytes, of a network of the bridge driver
_ID = re.compile(r"[0-9a-f]{12,64}")
_SHORT_ID = 12  # digits: of an id in the names that the engine derives from it


@dataclass(frozen=True)
class Running:
    """A container that runs.

    Attributes:
        id: the engine's id of it.
        name: the engine's name of it.
        labels: its labels, those of Docker Compose among them.
        pid: its first process, as the engine's machine numbers it.
        is_paused: whether its processes are suspended.
        addresses: its IPv4 address on each network on which it has an interface of its own, by the network's name.
        addresses6: likewise its IPv6 address, on each network that has IPv6.
    """

    id: str
    name: str
    labels: Mapping[str, str]
    pid: int
    is_paused: bool
    addresses: Mapping[str, str]
    addresses6: Mapping[str, str]

    @classmethod
    def of(cls, inspected: Mapping[str, Any]) -> "Running":
        """The container that the engine describes (Engine API, GET /containers/{id}/json)."""
        mode = str(inspected["HostConfig"].get("NetworkMode", ""))
        addresses: dict[str, str] = {}
        addresses6: dict[str, str] = {}
        has_own_interfaces = mode not in ("host", "none") and not mode.startswith("container:")
        if has_own_interfaces:
            networks = inspected["NetworkSettings"]["Networks"] or {}
            for network, endpoint in networks.items():
                addresses[network] = endpoint["IPAddress"]
                if endpoint.get("GlobalIPv6Address"):
                    addresses6[network] = endpoint["GlobalIPv6Address"]
        state = inspected["State"]
        return cls(
            id=inspected["Id"],
            name=inspected["Name"].removeprefix("/"),
            labels=inspected["Config"].get("Labels") or {},
            pid=state["Pid"],
            is_paused=bool(state.get("Paused")),
            addresses=addresses,
            addresses6=addresses6,
        )

    @property
    def project(self) -> str:
        """The compose project that it belongs to; "" if it belongs to none."""
        return self.labels.get(PROJECT, "")

    @property
    def service(self) -> str:
        """The service of the project whose container it is; "" if it is none's."""
        return self.labels.get(SERVICE, "")

    def is_called(self, name: str) -> bool:
        """Whether this is its name, or the beginning of its id."""
        return self.name == name or _is_id(name, self.id)


@dataclass(frozen=True)
class Target:
    """A running container that is to be joined.

    Attributes:
        id: the engine's id of the container.
        pid: its first process, as the engine's machine numbers it.
        address: its IPv4 address in the network, without a prefix length.
        address6: its IPv6 address there; None if the network has no IPv6.
    """

    id: str
    pid: int
    address: str
    address6: str | None


@dataclass(frozen=True)
class TargetNetwork:
    """The network that is to be joined.

    Attributes:
        id: the engine's id of it.
        name: the engine's name of it.
        bridge: the bridge's name on the engine's machine.
        subnet: its IPv4 subnet.
        subnet6: its IPv6 subnet; None without IPv6.
        mtu: in bytes.
        targets: the containers, by the names that they have as hosts of the lab.
        found_at: when the engine was asked which containers run, in seconds since 1970.
    """

    id: str
    name: str
    bridge: str
    subnet: str
    subnet6: str | None
    mtu: int
    targets: Mapping[str, Target]
    found_at: float


class Found:
    """The containers that names on the command line stand for, and the networks among what was named."""

    def __init__(self) -> None:
        self.networks: list[str] = []
        self._containers: dict[str, Running] = {}

    @property
    def containers(self) -> list[Running]:
        """Each container once, in the order in which it was found."""
        return list(self._containers.values())

    def add(self, containers: Sequence[Running]) -> None:
        for container in containers:
            self._containers[container.id] = container


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
    found_at = time.time()
    running = _joinable(client)
    found = Found()
    for name in names:
        _resolve(client, name, running, found)
    for container in found.containers:
        if container.is_paused:
            raise BadOption(f"The container {container.name} is paused: docker unpause {container.name}.")
    if network:
        joined = _named_network(client, found.containers, network)
    elif found.networks:
        joined = _named_network(client, found.containers, found.networks[0])
    else:
        joined = _only_network(client, found.containers)
    return _target_network(joined, found.containers, found_at)


def of_containers(client: docker.APIClient, network: str, containers: Sequence[str]) -> TargetNetwork:
    """The network with this name, and these of its containers, whoever made them.

    Raises:
        BadOption: there is no such network, or a container is not on it.
        docker.errors.DockerException: the engine does not answer, or has no such container.
    """
    found_at = time.time()
    found = [Running.of(client.inspect_container(name)) for name in containers]
    return _target_network(_named_network(client, found, network), found, found_at)


def _joinable(client: docker.APIClient) -> list[Running]:
    """The containers that run, without those of labs."""
    found: list[Running] = []
    for listed in client.containers():
        with suppress(NotFound):  # it has just ended
            container = Running.of(client.inspect_container(listed["Id"]))
            if not is_of_its_run(container.name, container.labels):
                found.append(container)
    return found


def _resolve(client: docker.APIClient, name: str, running: Sequence[Running], found: Found) -> None:
    """Add the containers that a name stands for to ``found``."""
    kind, _, rest = name.partition(":")
    wanted: Sequence[str] = KINDS
    plain = name
    if kind in KINDS and rest:
        wanted = (kind,)
        plain = rest
    by_kind: dict[str, list[Running]] = {}
    for kind in wanted:
        containers = _of_kind(client, kind, plain, running)
        if containers:
            by_kind[kind] = containers
    if not by_kind:
        raise BadOption(f"Nothing called {name!r} is running: {_hint(client, plain, running)}")
    kinds = list(by_kind)
    if len(kinds) > 1:
        both = " and a ".join(kinds)
        raise BadOption(f"{plain} is a {both}: write {kinds[0]}:{plain} or {kinds[1]}:{plain}.")
    found.add(by_kind[kinds[0]])
    if kinds[0] == "network":
        found.networks.append(plain)


def _of_kind(client: docker.APIClient, kind: str, name: str, running: Sequence[Running]) -> list[Running]:
    """The containers of the project, on the network or with the name."""
    if kind == "project":
        return [container for container in running if container.project == name]
    if kind == "container":
        return [container for container in running if container.is_called(name)]
    network = _find_network(client, name)
    if network is None:
        return []
    return [container for container in running if network["Name"] in container.addresses]


def _hint(client: docker.APIClient, name: str, running: Sequence[Running]) -> str:
    if _find_network(client, name) is not None:
        return f"no container runs on the network {name}; start one first."
    if not running:
        return "no container is running; start your project first (docker compose up -d)."
    projects = {container.project for container in running if container.project}
    containers = {container.name for container in running}
    known = [*sorted(projects), *sorted(containers)]
    listed = ", ".join(known)
    networks = [network["Name"] for network in client.networks()]
    return did_you_mean(name, [*known, *networks], otherwise=f"there are {listed}.")


def _find_network(client: docker.APIClient, name: str) -> dict[str, Any] | None:
    """The network with this name, or whose id begins so."""
    for network in client.networks():
        if network["Name"] == name or _is_id(name, network["Id"]):
            return dict(network)
    return None


def _is_id(name: str, identity: str) -> bool:
    """Whether the name is the beginning of an id, long enough that it is meant as one."""
    return bool(_ID.fullmatch(name)) and identity.startswith(name)


def _named_network(client: docker.APIClient, containers: Sequence[Running], name: str) -> dict[str, Any]:
    """The network with this name, which all containers must be on."""
    network = _find_network(client, name)
    if network is None:
        networks = sorted(each["Name"] for each in client.networks())
        listed = ", ".join(networks)
        raise BadOption(f"There is no network {name}: the engine has {listed}.")
    full_name = network["Name"]
    for container in containers:
        if full_name not in container.addresses:
            raise BadOption(f"{container.name} is not on the network {full_name}: leave it out.")
    driver = network["Driver"]
    if driver != "bridge":
        raise BadOption(f"The network {full_name} has the driver {driver}; only bridge can be joined.")
    return network


def _only_network(client: docker.APIClient, containers: Sequence[Running]) -> dict[str, Any]:
    """The one bridge network that all containers are on."""
    common = set(containers[0].addresses)
    for container in containers:
        common.intersection_update(container.addresses)
    shared = [network for network in client.networks() if network["Name"] in common]
    bridges = [dict(network) for network in shared if network["Driver"] == "bridge"]
    if len(bridges) == 1:
        return bridges[0]
    if bridges:
        names = sorted(network["Name"] for network in bridges)
        choices = " or ".join(names)
        raise BadOption(f"The containers share several networks: choose one with --network, {choices}.")
    places = []
    for container in containers:
        networks = ", ".join(container.addresses) or "none"
        places.append(f"{container.name}: {networks}")
    listed = "; ".join(places)
    raise BadOption(f"The containers share no bridge network ({listed}): name one network, as in network:NAME.")


def _target_network(network: Mapping[str, Any], containers: Sequence[Running], found_at: float) -> TargetNetwork:
    name = network["Name"]
    options = network.get("Options") or {}
    targets: dict[str, Target] = {}
    for host, container in _by_host(containers):
        address6 = container.addresses6.get(name)
        targets[host] = Target(container.id, container.pid, container.addresses[name], address6)
    has_ipv6 = all(target.address6 is not None for target in targets.values())
    short_id = network["Id"][:_SHORT_ID]
    return TargetNetwork(
        id=network["Id"],
        name=name,
        bridge=options.get(BRIDGE_NAME) or f"br-{short_id}",
        subnet=_subnet(network),
        subnet6=_subnet6(network) if has_ipv6 else None,
        mtu=int(options.get(MTU, _DEFAULT_MTU)),
        targets=targets,
        found_at=found_at,
    )


def _subnet(network: Mapping[str, Any]) -> str:
    """The network's IPv4 subnet."""
    for subnet in _subnets(network):
        if ":" not in subnet:
            return subnet
    raise BadOption(f"The network {network['Name']} has no IPv4 subnet, which a lab needs; recreate it with one.")


def _subnet6(network: Mapping[str, Any]) -> str | None:
    """The network's IPv6 subnet; None if it has none."""
    for subnet in _subnets(network):
        if ":" in subnet:
            return subnet
    return None


def _subnets(network: Mapping[str, Any]) -> list[str]:
    management = network.get("IPAM") or {}
    return [str(config["Subnet"]) for config in management.get("Config") or [] if config.get("Subnet")]


def _by_host(containers: Sequence[Running]) -> list[tuple[str, Running]]:
    """The containers with their names as hosts, sorted by these: a container's service, else its own name.

    Several containers of one service are called SERVICE-NUMBER; those of several projects by the containers' names.
    """
    services = Counter(container.service for container in containers)
    projects = {container.project for container in containers if container.project}
    named: list[tuple[str, Running]] = []
    for container in containers:
        service = container.service
        is_alone = services[service] == 1
        if service and is_alone:
            name = service
        elif service and len(projects) == 1:
            number = container.labels.get(NUMBER, container.id[:_SHORT_ID])
            name = f"{service}-{number}"
        else:
            name = container.name
        named.append((name, container))
    named.sort(key=lambda pair: pair[0])
    return named
