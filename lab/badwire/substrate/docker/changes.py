"""Notices what changes on a network while a lab is joined to it: containers that leave it, come back, or are new."""

import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, cast

import docker
from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

from badwire.substrate.docker.client import connect
from badwire.substrate.docker.targets import Running, TargetNetwork
from badwire.util.owner import is_of_its_run

AGAIN = "`badwire detach` and `badwire attach`"


@dataclass(frozen=True)
class Change:
    """What has changed.

    Attributes:
        host: the host whose container has left the network, so that nothing of it is seen any more; empty if none has.
        text: a sentence for the user, without a full stop.
    """

    host: str
    text: str


OnChange = Callable[[Change], None]
"""Called with each change, in another thread."""


class Changes:
    """Reports each change once.

    ``ended`` is for a container whose process has ended, which the restorer sees by itself; the engine's events tell
    the rest, as long as ``watch`` watches them.
    """

    def __init__(self, network: TargetNetwork, on_change: OnChange) -> None:
        self._network = network
        self._on_change = on_change
        self._hosts = {target.id: host for host, target in network.targets.items()}
        self._left: set[str] = set()
        self._is_watching = False
        self._lock = threading.Lock()

    def ended(self, host: str) -> None:
        """The container of a host has ended."""
        self._leave(host, f"the container of {host} has ended; if it runs again, {AGAIN} rejoin it")

    def watch(self, undo: ExitStack) -> None:
        """Watch the engine's events from when the containers were found until ``undo`` ends that.

        Raises:
            docker.errors.DockerException: the engine does not send them.
        """
        client = connect()
        undo.callback(client.close)
        events = client.events(
            since=cast(int, f"{self._network.found_at:.9f}"),  # as text the engine takes fractions of a second, too
            filters={"type": "network", "event": ["connect", "disconnect"], "network": self._network.id},
            decode=True,
        )
        self._is_watching = True
        reading = threading.Thread(target=self._read, args=(client, events), name="engine's events", daemon=True)
        reading.start()
        undo.callback(reading.join)
        undo.callback(self._stop, events)

    def _stop(self, events: Any) -> None:
        self._is_watching = False
        events.close()  # ends the thread's iteration

    def _read(self, client: docker.APIClient, events: Any) -> None:
        with suppress(ValueError):  # what was read when the stream was closed is no whole event
            for event in events:
                identity = event["Actor"]["Attributes"].get("container", "")
                if event["Action"] == "disconnect":
                    self._disconnected(identity)
                else:
                    self._connected(client, identity)
        if self._is_watching:
            text = f"the engine sends no more events, so containers that come back or are new are not named; {AGAIN}"
            self._on_change(Change("", f"{text} join them"))

    def _disconnected(self, identity: str) -> None:
        host = self._hosts.get(identity)
        if host is not None:
            self._leave(host, f"{host} was disconnected from the network {self._network.name}; {AGAIN} rejoin it")

    def _connected(self, client: docker.APIClient, identity: str) -> None:
        try:
            container = Running.of(client.inspect_container(identity))
        except (NotFound, DockerException, RequestException):
            return  # it has ended already
        host = self._hosts.get(identity)
        if host is not None:
            # One that was started while the engine listed the containers is as it was found.
            if host in self._left or container.pid != self._network.targets[host].pid:
                self._leave(host, f"the container of {host} has ended")
                self._on_change(Change("", f"{host} runs again, and is not joined; {AGAIN} rejoin it"))
            return
        if is_of_its_run(container.name, container.labels):
            return  # a lab's own
        what = f"the container {container.name}"
        if container.service:
            what += f" of the service {container.service}"
        self._on_change(
            Change("", f"{what} is new on the network {self._network.name}, and is not joined; {AGAIN} join it")
        )

    def _leave(self, host: str, text: str) -> None:
        with self._lock:
            if host in self._left:
                return
            self._left.add(host)
        self._on_change(Change(host, text))
