"""Creates and removes a lab's containers and network on a Docker Engine, which its labels and name identify."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException
from docker.types import IPAMConfig, IPAMPool, LogConfig, Mount
from requests.exceptions import RequestException

from badwire.errors import BadOption, LabError, MachineError, RunError
from badwire.substrate.docker.attach import AttachedStream
from badwire.substrate.docker.cleanup import PARALLEL, sweep
from badwire.substrate.docker.client import engine_message
from badwire.substrate.docker.janitor import Janitor
from badwire.substrate.substrate import AgentStreams
from badwire.topology.topology import Container, HostSpec, Topology
from badwire.util.owner import OWNER, RUN, engine_name, owner

ATTACH = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}


class DockerRun:
    """A lab on an engine; its removal is registered with ``undo`` before anything is created."""

    def __init__(self, client: docker.APIClient, undo: ExitStack) -> None:
        self._client = client
        self._undo = undo
        self.run = secrets.token_hex(4)
        self._labels = {RUN: self.run, OWNER: owner()}
        self._janitor = Janitor(self.run)
        undo.callback(self._down)

    def up(
        self,
        topology: Topology,
        sysctls: Mapping[str, Mapping[str, str]],
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
        # Not "binds", for which the engine would create a folder if the source does not exist.
        binds = [Mount(str(path), str(path), type="bind", read_only=True) for path in mounts]
        addresses = topology.addresses() if topology.subnet else {}

        def host(spec: HostSpec, network: str) -> AttachedStream:
            settings = {**spec.sysctls, **sysctls.get(spec.name, {})}
            address = addresses[spec.name].split("/")[0] if addresses else None
            config = {"network_mode": network, "sysctls": settings, "mounts": binds}
            return self._container(spec.name, "host", spec.container, image(spec.container), config, address)

        pool = ThreadPoolExecutor(min(PARALLEL, len(topology.hosts) + 1))
        # After Ctrl-C, wait for the requests in progress, so that what they create is removed too.
        self._undo.callback(pool.shutdown, cancel_futures=True)
        # The wire's container does not use the lab's network, so it starts while the engine creates that.
        wire = pool.submit(
            self._container, "wire", "wire", topology.wire, image(topology.wire), {"network_mode": "host"}, None
        )
        network = self._network(topology)
        hosts = {spec.name: pool.submit(host, spec, network) for spec in topology.hosts}
        pool.shutdown(wait=False)  # its threads end when their work is done
        streams = {name: future.result() for name, future in hosts.items()}
        # Docker names a bridge "br-" and the first 12 digits of the network's id (libnetwork, drivers/bridge).
        return AgentStreams(streams, wire.result(), f"br-{network[:12]}")

    def _network(self, topology: Topology) -> str:
        name = engine_name(self.run)
        ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=topology.subnet)]) if topology.subnet else None
        try:
            with self._janitor.expecting(name):
                made = self._client.create_network(
                    name,
                    driver="bridge",
                    internal=True,
                    ipam=ipam,
                    labels=self._labels,
                    options={"com.docker.network.driver.mtu": str(topology.mtu)},
                )
        except (DockerException, RequestException) as error:
            way_out = "; remove unused networks (docker network prune) or give another subnet in compose.yaml"
            raise MachineError(f"the engine made no network: {engine_message(error)}{way_out}") from None
        return str(made["Id"])

    def _container(
        self, name: str, kind: str, spec: Container, image: str, config: dict[str, Any], address: str | None
    ) -> AttachedStream:
        network = config["network_mode"]
        endpoints: Any = {network: self._client.create_endpoint_config(ipv4_address=address)} if address else None
        full_name = engine_name(self.run, name)
        try:
            with self._janitor.expecting(full_name):
                made = self._client.create_container(
                    image,
                    ["python3", "-I", "-m", "badwire.agent", kind],
                    name=full_name,
                    hostname=None if kind == "wire" else spec.hostname or name,
                    stdin_open=True,
                    tty=False,
                    environment=dict(spec.environment),
                    labels=self._labels,
                    stop_signal=spec.stop_signal,
                    host_config=self._host_config(spec, config),
                    networking_config=self._client.create_networking_config(endpoints) if endpoints else None,
                )
            # Attach before the start, so that no output is lost. From here on the agent's input ends with this process.
            stream = AttachedStream(self._client.attach_socket(made["Id"], ATTACH))
            self._undo.callback(stream.close)
            self._client.start(made["Id"])
        except (DockerException, RequestException) as error:
            raise _refused(name, error, config.get("sysctls") or {}) from None
        return stream

    def _host_config(self, spec: Container, config: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self._client.create_host_config(
            auto_remove=True,
            cap_add=list(spec.cap_add),
            cap_drop=list(spec.cap_drop),
            security_opt=list(spec.security_opt),
            read_only=spec.read_only,
            tmpfs={path: options for path, _, options in (mount.partition(":") for mount in spec.tmpfs)},
            pids_limit=spec.pids_limit,
            mem_limit=spec.mem_limit,
            nano_cpus=round(spec.cpus * 1e9) if spec.cpus else None,
            init=spec.init,
            log_config=LogConfig(type="none"),  # otherwise the engine would also log every captured frame to disk
            **config,
        )
        return made

    def _down(self) -> None:
        try:
            sweep(self._client, self.run)
        except (DockerException, RequestException) as error:
            self._janitor.clean_up()  # the janitor tries for longer
            raise RunError(
                f"the engine would not remove this lab ({engine_message(error)}); run badwire clean"
            ) from None
        self._janitor.dismiss()


def _refused(name: str, error: Exception, sysctls: Mapping[str, str]) -> LabError:
    message = engine_message(error)
    if isinstance(error, APIError) and sysctls and ("sysctl" in message or "/proc/sys/" in message):
        return BadOption(f"host {name}: the engine cannot set its sysctls {', '.join(sorted(sysctls))}: {message}")
    return MachineError(f"the engine would not start {name}: {message}; check its service in compose.yaml")
