"""Hosts in Docker containers on an internal bridge network, managed with the Docker SDK.

The wire's container is in the engine's own network namespace, where the bridge is. So a user who may use Docker does
not need root for the wire, and the engine may run in a virtual machine.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from badwire.errors import LabError, MachineError
from badwire.substrate.docker import blame, cleanup, image
from badwire.substrate.docker.client import connect
from badwire.substrate.docker.containers import DockerRun
from badwire.substrate.substrate import AgentStreams, SysctlsByHost
from badwire.topology.topology import Topology


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)


class Docker:
    """The substrate of Docker containers; ``progress`` is called with a line for each step that takes long."""

    name = "docker"

    def __init__(self, progress: Callable[[str], None] = _to_stderr) -> None:
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
        """Remove what dead runs left, then bring up a network, the hosts and the wire; see ``Substrate.up``."""
        client = connect()
        undo.callback(client.close)
        for done in cleanup.clean(client):
            self._progress(done)
        kinds = [topology.wire, *(host.container for host in topology.hosts)]
        chosen = {(kind.image, kind.base): kind for kind in kinds}
        images = {key: image.ensure(client, kind, self._progress) for key, kind in chosen.items()}
        run = DockerRun(client, undo)
        return run.up(topology, sysctls, mounts, lambda kind: images[kind.image, kind.base])

    def explained(self, topology: Topology, error: LabError) -> LabError:
        """BadTopology if the engine or an agent could not work with a setting of the topology; see ``Substrate``."""
        return blame.explained(topology, error)
