"""What lies between the hosts: faults are set on it, and everything that passes is captured."""

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from badwire.errors import AgentLost, LabError, Timeout
from badwire.faults.fault import Fault
from badwire.store.recorder import Recorder
from badwire.testbed.channel import Channel
from badwire.testbed.host import Host
from badwire.util.jsonlines import Message


class Wire:
    """The bridge with one port for each host; only the wire touches packets."""

    def __init__(
        self, channel: Channel, recorder: Recorder, engine: str, seed: int, everybody: Collection[Host]
    ) -> None:
        self._channel, self._recorder, self._everybody = channel, recorder, everybody
        self._engine, self._seed = engine, seed
        self._hosts: list[str] = []
        self._in_force: dict[str, list[tuple[object, Fault]]] = {}
        self._taken: dict[bytes, str] = {}
        self._decided: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._since: dict[str, int] = {}
        self._changed = threading.Condition()
        self._lost: LabError | None = None

    def join(self, host: str, **how: Any) -> None:
        """Give a host its port."""
        self._channel.ask("port", host=host, **how)
        self._hosts.append(host)
        self._in_force[host] = []

    @contextmanager
    def fault(self, *faults: Fault, toward: Host | None = None) -> Iterator[None]:
        """Break the wire in these ways while the block runs, toward one host or toward all; may be nested.

        Raises:
            MissingCapability: the engine asked for cannot do this, or not together with what is in force.
        """
        mark = object()
        ports = [toward.name] if toward is not None else list(self._hosts)
        entered: list[str] = []
        try:
            for port in ports:
                self._put(port, [*self._in_force[port], *((mark, fault) for fault in faults)])
                entered.append(port)
            yield
        finally:
            for port in entered:
                self._put(port, [(who, fault) for who, fault in self._in_force[port] if who is not mark])

    def put(self, toward: Host, *faults: Fault) -> None:
        """Have these faults, and no others, in force toward a host until the next ``put``.

        Raises:
            MissingCapability: as in ``fault``; then all is as it was.
        """
        self._put(toward.name, [(self, fault) for fault in faults])

    @property
    def in_force(self) -> dict[str, tuple[Fault, ...]]:
        """What is in force toward each host."""
        return {port: tuple(fault for _, fault in faults) for port, faults in self._in_force.items()}

    def release(self, toward: Host) -> int:
        """Let go, in their order, what a Hold or a Late toward this host keeps; how many frames there were."""
        return int(self._ask("release", host=toward.name)["frames"])

    def wait_until(self, verdict: str, toward: Host, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until the relay has done this to ``count`` frames since the faults toward the host were last changed.

        ``verdict`` is what the relay logs: hold, keep, release, drop, duplicate, corrupt, reorder.

        Raises:
            Timeout: it has not within ``timeout`` seconds.
        """
        since, deadline = self._since.get(toward.name, 0), time.monotonic() + timeout
        with self._changed:
            while (met := sum(t >= since for t in self._decided[toward.name, verdict])) < count:
                if self._lost is not None:
                    raise self._lost
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    did = f"{met} of {count} frames toward {toward.name} met with {verdict!r}"
                    raise Timeout(f"{did} within {timeout:g} s; is there a fault in force that the relay carries out?")

    def facts(self) -> dict[str, Any]:
        """Which engines this wire has, and why not the others."""
        found: dict[str, Any] = self._ask("facts")
        return found

    def watch(self, snaplen: int) -> None:
        self._ask("watch", snaplen=snaplen)

    def unwatch(self) -> dict[str, int]:
        counted: dict[str, int] = self._ask("unwatch")
        return counted

    @property
    def taken(self) -> dict[bytes, str]:
        """Frames that a fault took, and which."""
        return self._taken

    def take(self, event: Message) -> None:
        """An event of the wire's agent, in its channel's thread."""
        kind = event.pop("event")
        if kind == "frames":
            self._recorder.frames(event["frames"])
        elif kind == "lost":
            self._lose(event["error"])
        elif kind == "relay_died":
            self._lose(AgentLost("the relay ended before the lab did (was it killed?), and what it carried with it"))
        else:
            self._recorder.record(kind, **event)
            if kind == "decision":
                self._take_decision(event)

    def _take_decision(self, event: Message) -> None:
        if event["verdict"] == "drop":
            self._taken[event["frame"]] = f"dropped by {event['fault']} toward {event['toward']}"
        with self._changed:
            self._decided[event["toward"], event["verdict"]].append(event["t"])
            self._changed.notify_all()

    def _lose(self, error: LabError) -> None:
        """Without a wire nothing that a host does means anything: whoever waits on one hears of it at once."""
        self._recorder.break_off(error)
        with self._changed:
            self._lost = error
            self._changed.notify_all()
        for host in self._everybody:
            host.lose(error)

    def _put(self, port: str, faults: list[tuple[object, Fault]]) -> None:
        described = [fault.to_json() for _, fault in faults]
        answer = self._ask("faults", host=port, faults=described, engine=self._engine, seed=self._seed)
        self._in_force[port] = faults
        self._since[port] = answer["t"]
        self._recorder.record("fault", t=answer["t"], toward=port, engine=answer["engine"], faults=described)

    def _ask(self, do: str, **parameters: Any) -> Any:
        self._recorder.check()
        return self._channel.ask(do, **parameters)
