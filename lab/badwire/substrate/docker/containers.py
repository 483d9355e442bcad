"""Creates and removes a lab's containers and network on a Docker Engine, which its labels and name identify."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException
from docker.types import IPAMConfig, IPAMPool, LogConfig, Mount
from requests.exceptions import RequestException

from badwire.agent.host import defaults
from badwire.errors import BadOption, LabError, MachineError, RunError
from badwire.substrate.docker import subnets
from badwire.substrate.docker.attach import AttachedStream
from badwire.substrate.docker.cleanup import PARALLEL, sweep
from badwire.substrate.docker.client import engine_message
from badwire.substrate.docker.janitor import Janitor
from badwire.substrate.names import entries, entries6, entries_of_further
from badwire.substrate.substrate import AgentStreams, SysctlsByHost
from badwire.topology.topology import Container, HostSpec, Topology
from badwire.util.owner import OWNER, RUN, engine_name, owner

# Since this version of its interface an engine takes the sysctls of an interface as an option of the network's
# endpoint, with IFNAME for the interface, and later only so (API version history, v1.46 and v1.48).
_ENDPOINT_SYSCTLS_SINCE = (1, 46)
_ENDPOINT_SYSCTLS = "com.docker.network.endpoint.sysctls"
ATTACH = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
_PREFIX_LENGTH = 24  # of a lab's network, if that has room for its hosts
_OVERLAPS = "overlaps"  # in the engine's message about a subnet that another network has (libnetwork, ipam)


@dataclass(frozen=True)
class ContainerRequest:
    """A container to be created and started.

    Attributes:
        name: of the host, or "wire", or "restorer".
        agent: the arguments of its agent: ["host"], for example.
        spec: its service in compose.yaml.
        image: the name of its image.
        network: the id of the lab's network, or "host" for the engine's own network namespace, or "container:ID" for
            that of a container which is joined.
        pid: "host" for the engine's own PID namespace.
        labels: in addition to those of every container of the lab.
        address: its IPv4 address in that network; None: it has none of its own there.
        names: the lines of its /etc/hosts beside its own name, in the engine's form NAME:ADDRESS.
    """

    name: str
    agent: Sequence[str]
    spec: Container
    image: str
    network: str
    address: str | None = None
    sysctls: dict[str, str] | None = None
    mounts: list[Mount] | None = None
    names: list[str] | None = None
    pid: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LabNetwork:
    """The network of a lab on an engine.

    Attributes:
        id: its id on the engine.
        addresses: of each host by its name, with the prefix length.
        names: every name of a host with its address, in the engine's form NAME:ADDRESS.
    """

    id: str
    addresses: Mapping[str, str]
    names: list[str]


class DockerRun:
    """A lab on an engine; its removal is registered with ``undo`` before anything is created."""

    def __init__(self, client: docker.APIClient, undo: ExitStack) -> None:
        self._client = client
        self._undo = undo
        self.run = secrets.token_hex(4)
        self._labels = {RUN: self.run, OWNER: owner()}
        self._janitor = Janitor(self.run)
        undo.callback(self._down)

    @property
    def name(self) -> str:
        """The name of its network."""
        return engine_name(self.run)

    def name_of(self, host: str) -> str:
        """The name of a host's container."""
        return engine_name(self.run, host)

    def up(
        self,
        topology: Topology,
        sysctls: SysctlsByHost,
        mounts: Sequence[Path],
        image: Callable[[Container], str],
    ) -> AgentStreams:
        """Create the network, then create, attach and start all containers in parallel; returns the agents' streams.

        Args:
            sysctls: by host name, in addition to the topology's.
            mounts: paths of the engine's machine, mounted read-only at the same path in every host.
            image: returns the name of the image for a container.

        Raises:
            BadOption: the engine cannot set a sysctl.
            MachineError: the engine does not create the network or a container.
        """
        # Not "binds", for which the engine would create a directory if the source does not exist.
        binds: list[Mount] = []
        for path in mounts:
            mount = Mount(target=str(path), source=str(path), type="bind", read_only=True)
            binds.append(mount)

        def start_host(spec: HostSpec, network: LabNetwork) -> AttachedStream:
            address, _, _ = network.addresses[spec.name].partition("/")
            settings = {**defaults.sysctls(0), **spec.sysctls, **sysctls.get(spec.name, {})}
            request = ContainerRequest(
                name=spec.name,
                agent=["host"],
                spec=spec.container,
                image=image(spec.container),
                network=network.id,
                address=address,
                sysctls=settings,
                mounts=binds,
                names=network.names,
            )
            return self.start(request)

        wire_request = ContainerRequest(
            name="wire",
            agent=["wire"],
            spec=topology.wire,
            image=image(topology.wire),
            network="host",
        )
        pool = ThreadPoolExecutor(min(PARALLEL, len(topology.hosts) + 1))
        # After Ctrl-C, wait for the requests in progress, so that what they create is removed too.
        self._undo.callback(pool.shutdown, cancel_futures=True)
        # The wire's container does not use the lab's network, so it starts while the engine creates that.
        wire = pool.submit(self.start, wire_request)
        network = self._create_network(topology)
        hosts = {spec.name: pool.submit(start_host, spec, network) for spec in topology.hosts}
        pool.shutdown(wait=False)  # its threads end when their work is done
        streams = {name: future.result() for name, future in hosts.items()}
        # Docker names a bridge "br-" and the first 12 digits of the network's id (libnetwork, drivers/bridge).
        bridge = f"br-{network.id[:12]}"
        return AgentStreams(streams, wire.result(), bridge)

    def _create_network(self, topology: Topology) -> LabNetwork:
        """Create the lab's network. If the topology has no subnet, the first free one is taken."""
        try:
            for subnet in self._subnets(topology):
                placed = replace(topology, subnet=subnet)
                try:
                    network = self._create_network_at(placed)
                except APIError as error:
                    if topology.subnet or _OVERLAPS not in engine_message(error):
                        raise
                    continue
                addresses = placed.addresses()
                found = [*entries(placed, addresses), *entries6(placed), *entries_of_further(placed)]
                names = [f"{name}:{address}" for name, address in found]
                return LabNetwork(network, addresses, names)
            message = f"every subnet of {subnets.POOL} is in use"
        except (DockerException, RequestException) as error:
            message = engine_message(error)
        raise MachineError(
            f"the engine made no network: {message}; remove unused networks (docker network prune) or give another"
            " subnet in compose.yaml"
        )

    def _subnets(self, topology: Topology) -> Iterator[str]:
        if topology.subnet:
            return iter([topology.subnet])
        needed = topology.fitting(next(subnets.POOL.subnets(new_prefix=_PREFIX_LENGTH)))
        return subnets.free(self._client, needed.prefixlen, int(self.run, 16))

    def _create_network_at(self, topology: Topology) -> str:
        """Create the lab's network with the topology's subnet; returns its id. Raises APIError."""
        name = self.name
        with self._janitor.expecting(name):
            made = self._client.create_network(
                name,
                driver="bridge",
                internal=True,
                ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=topology.subnet)]),
                labels=self._labels,
                options={"com.docker.network.driver.mtu": str(topology.mtu)},
            )
        return str(made["Id"])

    def start(self, request: ContainerRequest) -> AttachedStream:
        """Create a container, attach to its agent and start it."""
        full_name = self.name_of(request.name)
        try:
            with self._janitor.expecting(full_name):
                made = self._client.create_container(
                    request.image,
                    ["python3", "-I", "-m", "badwire.agent", *request.agent],
                    name=full_name,
                    hostname=_hostname(request),
                    stdin_open=True,
                    tty=False,
                    environment=dict(request.spec.environment),
                    labels={**self._labels, **request.labels},
                    stop_signal=request.spec.stop_signal,
                    host_config=self._host_config(request),
                    networking_config=self._networking_config(request),
                )
            # Attach before the start, so that no output is lost. From here on the agent's input ends with this process.
            attached = self._client.attach_socket(made["Id"], ATTACH)
            stream = AttachedStream(attached)
            self._undo.callback(stream.close)
            self._client.start(made["Id"])
        except (DockerException, RequestException) as error:
            raise _refused(request, error) from None
        return stream

    def pid(self, name: str) -> int:
        """The first process of a container of this run, as the engine's machine numbers it.

        Raises:
            MachineError: the container does not run.
        """
        try:
            state = self._client.inspect_container(engine_name(self.run, name))["State"]
        except (DockerException, RequestException) as error:
            raise MachineError(f"the container of {name} has ended ({engine_message(error)}); run again") from None
        return int(state["Pid"])

    def _host_config(self, request: ContainerRequest) -> dict[str, Any]:
        spec = request.spec
        tmpfs: dict[str, str] = {}
        for mount in spec.tmpfs:
            path, _, options = mount.partition(":")
            tmpfs[path] = options
        config: dict[str, Any] = self._client.create_host_config(
            auto_remove=True,
            network_mode=request.network,
            pid_mode=request.pid,
            sysctls=split_sysctls(request.sysctls or {}, self._client.api_version)[0],
            mounts=request.mounts,
            extra_hosts=request.names,
            cap_add=list(spec.cap_add),
            cap_drop=list(spec.cap_drop),
            security_opt=list(spec.security_opt),
            read_only=spec.read_only,
            tmpfs=tmpfs,
            pids_limit=spec.pids_limit,
            mem_limit=spec.mem_limit,
            nano_cpus=round(spec.cpus * 1e9) if spec.cpus else None,
            init=spec.init,
            log_config=LogConfig(type="none"),  # otherwise the engine would also log every captured frame to disk
        )
        return config

    def _networking_config(self, request: ContainerRequest) -> Any:
        """What gives a container its address in the lab's network, and its interface its sysctls; None if nothing does.

        Without an address the engine chooses one.
        """
        _, of_endpoint = split_sysctls(request.sysctls or {}, self._client.api_version)
        if request.address is None and not of_endpoint:
            return None
        options = {_ENDPOINT_SYSCTLS: of_endpoint} if of_endpoint else None
        endpoint = self._client.create_endpoint_config(ipv4_address=request.address, driver_opt=options)
        endpoints: Any = {request.network: endpoint}  # the SDK's annotation has the type of a single endpoint
        return self._client.create_networking_config(endpoints)

    def _down(self) -> None:
        try:
            sweep(self._client, self.run)
        except (DockerException, RequestException) as error:
            self._janitor.clean_up()  # the janitor tries for longer
            message = engine_message(error)
            raise RunError(f"the engine would not remove this lab ({message}); run badwire clean") from None
        self._janitor.dismiss()


def split_sysctls(sysctls: Mapping[str, str], api_version: str) -> tuple[dict[str, str], str]:
    """The sysctls of a container, and those of its interface eth0 as the endpoint's option.

    The option is empty for an engine that takes all of them as the container's.
    """
    version = tuple(int(part) for part in api_version.split("."))
    if version < _ENDPOINT_SYSCTLS_SINCE:
        return dict(sysctls), ""
    of_container = {}
    of_endpoint = []
    for name, value in sysctls.items():
        if ".eth0." in name:
            of_endpoint.append(f"{name.replace('.eth0.', '.IFNAME.')}={value}")
        else:
            of_container[name] = value
    return of_container, ",".join(of_endpoint)


def _hostname(request: ContainerRequest) -> str | None:
    if request.address is None:
        return None  # it has the hostname of the namespace that it joins
    return request.spec.hostname or request.name


def _refused(request: ContainerRequest, error: Exception) -> LabError:
    message = engine_message(error)
    about_sysctls = "sysctl" in message or "/proc/sys/" in message
    if isinstance(error, APIError) and request.sysctls and about_sysctls:
        names = ", ".join(sorted(request.sysctls))
        return BadOption(
            f"host {request.name}: the engine cannot set its sysctls {names}: {message}; correct or remove them"
        )
    return MachineError(f"the engine would not start {request.name}: {message}; check its service in compose.yaml")
