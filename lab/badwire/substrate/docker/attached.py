"""A lab on containers that are already running: the lab joins them, and leaves them as they were.

Beside each container runs one of the lab's own image in the same network namespace, with a host's agent; so the
container itself may have any image. The wire's agent is at the bridge. One more container, the restorer, turns the
offloads of the containers' interfaces off, and undoes everything at the end (see `badwire.agent.restorer`).
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from docker.errors import DockerException
from requests.exceptions import RequestException

from badwire.agent.restorer import (
    GONE,
    JOIN,
    PROGRAM,
    REFUSED,
    RESTORE,
    SIGNAL,
    WATCH,
    Network,
    Service,
)
from badwire.errors import AgentLost, LabError, MachineError
from badwire.substrate.docker import cleanup, image, targets
from badwire.substrate.docker.attach import AttachedStream
from badwire.substrate.docker.changes import Changes, OnChange
from badwire.substrate.docker.cleanup import PARALLEL, RESTORES
from badwire.substrate.docker.client import connect, engine_message
from badwire.substrate.docker.containers import ContainerRequest, DockerRun
from badwire.substrate.docker.own_programs import OwnPrograms
from badwire.substrate.docker.substrate import Docker
from badwire.substrate.docker.targets import Target, TargetNetwork
from badwire.substrate.substrate import AgentStreams, SysctlsByHost
from badwire.topology.topology import Container, HostSpec, Topology

RESTORER = "restorer"
# NET_ADMIN changes interfaces; SYS_ADMIN and SYS_PTRACE are needed to enter the containers' network namespaces, and
# KILL to end the programs that the lab has started inside them.
_RESTORER = Container(cap_add=("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "KILL"), mem_limit="256m")


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
    has_ipv6 = network.subnet6 is not None
    hosts: list[HostSpec] = []
    for name, target in network.targets.items():
        hosts.append(HostSpec(name, address6=target.address6 if has_ipv6 else None))
    return Topology(
        tuple(hosts),
        subnet=network.subnet,
        mtu=network.mtu,
        where=f"network {network.name}",
        ipv6=has_ipv6,
        subnet6=network.subnet6,
    )


@contextmanager
def on_trial(progress: Callable[[str], None]) -> Iterator[TargetNetwork]:
    """A network of ours with one container, to find out whether attaching works, for the duration of a ``with`` block.

    Raises:
        MachineError: there is no engine, or it makes no container.
    """
    with ExitStack() as undo:
        client = connect()
        undo.callback(client.close)
        its_image = image.ensure(client, Container(), progress)
        run = DockerRun(client, undo)
        streams = run.up(Topology.of("web"), {}, [], lambda kind: its_image)
        undo.callback(streams.wire.close)
        undo.callback(streams.hosts["web"].close)
        try:
            yield targets.of_containers(client, run.name, [run.name_of("web")])
        except (DockerException, RequestException) as error:
            raise MachineError(f"the engine refused ({engine_message(error)})") from None


class Attached:
    """The substrate of containers that are already running.

    Args:
        network: the containers.
        progress: called with a line for each long step.
        on_noted: called, before anything is changed, with text from which ``restore`` can undo the changes, should
            every process of the lab be killed.
        on_change: called with each change among the containers, in another thread.
    """

    name = "docker"

    def __init__(
        self,
        network: TargetNetwork,
        progress: Callable[[str], None],
        on_noted: Callable[[str], None],
        on_change: OnChange,
    ) -> None:
        self._network = network
        self._progress = progress
        self._on_noted = on_noted
        self._on_change = on_change

    def check(self) -> str | None:
        """None if an engine answers and the image exists or can be built; else the cause and the way out."""
        return Docker(self._progress).check()

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
        services = {name: Service(target.pid, target.address) for name, target in self._network.targets.items()}
        changes = Changes(self._network, self._on_change)
        pool = ThreadPoolExecutor(min(PARALLEL, len(topology.hosts) + 2))
        undo.callback(pool.shutdown, cancel_futures=True)

        def begin_restorer() -> _Restorer:
            return _Restorer(run, Network(self._network.bridge, services), its_image, on_gone=changes.ended)

        def join(name: str, target: Target) -> AttachedStream:
            network = f"container:{target.id}"
            return run.start(ContainerRequest(name, ["host"], Container(), its_image, network=network))

        # All at once: no agent changes anything before the lab asks it to.
        restoring = pool.submit(begin_restorer)
        wire = pool.submit(run.start, ContainerRequest("wire", ["wire"], topology.wire, its_image, network="host"))
        joining = {name: pool.submit(join, name, target) for name, target in self._network.targets.items()}
        pool.shutdown(wait=False)  # its threads end when their work is done
        restorer = restoring.result()
        self._on_noted(restorer.noted)
        undo.callback(restorer.restore)
        restorer.join()
        streams = {name: future.result() for name, future in joining.items()}
        wire_stream = wire.result()
        restorer.watch(run.pid("wire"))
        changes.watch(undo)
        addresses = {name: target.address for name, target in self._network.targets.items()}
        containers = {name: target.id for name, target in self._network.targets.items()}
        own_programs = OwnPrograms(client, containers, restorer.signal, restorer.kill_at_the_end)
        return AgentStreams(streams, wire_stream, self._network.bridge, joined=addresses, own_programs=own_programs)

    def explained(self, topology: Topology, error: LabError) -> LabError:
        """The error as it is: the lab has no settings of its own that could be the cause."""
        return error


def restore(noted: str, progress: Callable[[str], None]) -> None:
    """Undo what a lab has changed in a network, after all of its processes were killed.

    Args:
        noted: what the lab's ``on_noted`` was called with.

    Raises:
        LabError: it cannot be undone now, for example because no engine answers.
    """
    with ExitStack() as undo:
        client = connect()
        undo.callback(client.close)
        its_image = image.ensure(client, Container(), progress)
        run = DockerRun(client, undo)
        _Restorer(run, Network.from_json(noted), its_image).restore()


class _Restorer:
    """The lab's connection to a restorer.

    Attributes:
        noted: the network as the restorer has noted it, as JSON.

    Raises:
        MachineError: the network cannot be joined.
        AgentLost: the restorer has ended.
    """

    def __init__(
        self,
        run: DockerRun,
        network: Network,
        its_image: str,
        name: str = RESTORER,
        on_gone: Callable[[str], None] = lambda host: None,
    ) -> None:
        self._run = run
        self._name = name
        self._image = its_image
        self._on_gone = on_gone
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()  # None: the restorer has ended
        self._stream = self._start(network.to_json())
        threading.Thread(target=self._read, name=name, daemon=True).start()
        self.noted = self._answer()
        if self.noted.startswith(REFUSED):
            raise MachineError(f"{self.noted.removeprefix(REFUSED)}.")

    def join(self) -> None:
        """Turn the offloads off."""
        self._ask(JOIN)
        self._answer()

    def watch(self, pid: int) -> None:
        """Undo everything when this process, as the engine's machine numbers it, ends."""
        self._ask(f"{WATCH} {pid}")

    def kill_at_the_end(self, pid: int) -> None:
        """Kill a process that runs inside a container when everything is undone."""
        self._ask(f"{PROGRAM} {pid}")

    def signal(self, pid: int, name: str) -> None:
        """Send a signal to a process of ``kill_at_the_end``. Raises AgentLost."""
        try:
            self._ask(f"{SIGNAL} {pid} {name}")
        except OSError:
            raise AgentLost("the restorer, which sends signals into the containers, has ended; detach") from None

    def restore(self) -> None:
        """Undo everything, by another restorer if this one was killed; returns when that is done."""
        try:
            self._ask(RESTORE)
            self._answer()
        except (OSError, AgentLost):
            other = _Restorer(self._run, Network.from_json(self.noted), self._image, f"{self._name}2")
            other.restore()

    def _start(self, network: str) -> AttachedStream:
        return self._run.start(
            ContainerRequest(
                self._name,
                [RESTORER, network],
                _RESTORER,
                self._image,
                network="host",
                pid="host",
                labels={RESTORES: ""},
            )
        )

    def _ask(self, request: str) -> None:
        self._stream.send(f"{request}\n".encode())

    def _answer(self) -> str:
        answer = self._answers.get()
        if answer is None:
            self._answers.put(None)
            raise AgentLost(f"the restorer ended early; the end of its stderr: {self._stream.stderr_tail()}")
        return answer

    def _read(self) -> None:
        """Read what the restorer says until it ends, in a thread of its own."""
        received = b""
        with suppress(OSError):  # the stream was closed on our side
            while data := self._stream.recv():
                *lines, received = (received + data).split(b"\n")
                for line in lines:
                    text = line.decode()
                    if text.startswith(GONE):
                        self._on_gone(text.removeprefix(GONE))
                    else:
                        self._answers.put(text)
        self._answers.put(None)
