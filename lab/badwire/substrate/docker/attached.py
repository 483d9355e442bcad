"""A lab on containers that run already: the lab joins them, changes nothing in them, and leaves no trace.

Beside each container runs one of the lab's own image in the same network namespace, with a host's agent; so the
container itself may have any image. The wire's agent is at the bridge. One more container, the restorer, turns the
offloads of the containers' interfaces off, and undoes everything at the end (see `badwire.agent.restorer`).
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from docker.errors import DockerException
from requests.exceptions import RequestException

from badwire.agent.restorer import RESTORE, Network, Service
from badwire.errors import AgentLost, LabError, MachineError, RunError
from badwire.substrate.docker import cleanup, image, targets
from badwire.substrate.docker.attach import AttachedStream
from badwire.substrate.docker.cleanup import PARALLEL
from badwire.substrate.docker.client import connect, engine_message
from badwire.substrate.docker.containers import ContainerRequest, DockerRun
from badwire.substrate.docker.targets import Target, TargetNetwork
from badwire.substrate.substrate import AgentStreams, SysctlsByHost
from badwire.topology.topology import Container, HostSpec, Topology

RESTORER = "restorer"
# NET_ADMIN changes interfaces; SYS_ADMIN and SYS_PTRACE are needed to enter the containers' network namespaces.
_RESTORER = Container(cap_add=("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"), mem_limit="256m")


def find(names: Sequence[str], network: str = "") -> TargetNetwork:
    """Find what is to be joined; see `targets.find`.

    Raises:
        BadOption: it is not there, or cannot be joined.
        MachineError: no engine answers.
    """
    client = connect()
    try:
        return targets.find(client, names, network)
    except (DockerException, RequestException) as error:
        raise MachineError(f"the engine refused ({engine_message(error)}); is it still running?") from None
    finally:
        client.close()


def topology(network: TargetNetwork) -> Topology:
    """The hosts of a lab on this network. Raises BadTopology if a container has a name that no host can have."""
    hosts = tuple(HostSpec(name) for name in network.targets)
    return Topology(hosts, subnet=network.subnet, mtu=network.mtu, where=f"network {network.name}")


class Attached:
    """The substrate of containers that run already; ``progress`` is called with a line for each long step."""

    name = "docker"

    def __init__(self, network: TargetNetwork, progress: Callable[[str], None]) -> None:
        self._network = network
        self._progress = progress

    def check(self) -> str | None:
        """None if an engine answers and the image exists or can be built; else the cause and the way out."""
        try:
            client = connect()
            try:
                image.check(client)
            finally:
                client.close()
        except MachineError as error:
            return str(error)
        return None

    def up(
        self,
        topology: Topology,
        sysctls: SysctlsByHost,
        mounts: Sequence[Path],
        undo: ExitStack,
    ) -> AgentStreams:
        """Join the containers; see ``Substrate.up``. There are no sysctls and no mounts: nothing is changed in them."""
        client = connect()
        undo.callback(client.close)
        for done in cleanup.clean(client):
            self._progress(done)
        its_image = image.ensure(client, Container(), self._progress)
        run = DockerRun(client, undo)
        restorer = _Restorer(run, self._network, its_image)
        undo.callback(restorer.restore)
        pool = ThreadPoolExecutor(min(PARALLEL, len(topology.hosts) + 1))
        undo.callback(pool.shutdown, cancel_futures=True)
        wire = pool.submit(run.start, ContainerRequest("wire", ["wire"], topology.wire, its_image, network="host"))

        def join(name: str, target: Target) -> AttachedStream:
            network = f"container:{target.id}"
            return run.start(ContainerRequest(name, ["host"], Container(), its_image, network=network))

        joining = {name: pool.submit(join, name, target) for name, target in self._network.targets.items()}
        pool.shutdown(wait=False)  # its threads end when their work is done
        streams = {name: future.result() for name, future in joining.items()}
        wire_stream = wire.result()
        restorer.watch(run.pid("wire"))
        addresses = {name: target.address for name, target in self._network.targets.items()}
        return AgentStreams(streams, wire_stream, self._network.bridge, joined=addresses)

    def explained(self, topology: Topology, error: LabError) -> LabError:
        """The error as it is: the lab has no settings of its own that could be the cause."""
        return error


class _Restorer:
    """The lab's connection to the restorer, which has taken note of the network when this is constructed.

    Raises:
        MachineError: the network cannot be joined; nothing in it was changed.
        AgentLost: the restorer has ended.
    """

    def __init__(self, run: DockerRun, network: TargetNetwork, its_image: str) -> None:
        services = {name: Service(target.pid, target.address) for name, target in network.targets.items()}
        joined = Network(network.bridge, services)
        self._received = b""
        self._stream = run.start(
            ContainerRequest(
                RESTORER,
                [RESTORER, joined.to_json()],
                _RESTORER,
                its_image,
                network="host",
                pid="host",
            )
        )
        answer = self._answer()
        if "refused" in answer:
            raise MachineError(f"{answer['refused']}.")

    def watch(self, pid: int) -> None:
        """Undo everything when this process, as the engine's machine numbers it, ends."""
        self._stream.send(b"%d\n" % pid)

    def restore(self) -> None:
        """Undo everything; returns when that is done. Raises RunError if the restorer was killed before it could."""
        try:
            self._stream.send(RESTORE)
            self._answer()
        except (OSError, AgentLost):
            raise RunError(
                "the process that undoes what the lab has changed in the network was killed; run badwire clean"
            ) from None

    def _answer(self) -> dict[str, object]:
        while b"\n" not in self._received:
            data = self._stream.recv()
            if not data:
                raise AgentLost(f"the restorer ended early; the end of its stderr: {self._stream.stderr_tail()}")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, object] = json.loads(line)
        return answer
