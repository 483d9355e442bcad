"""The network between the hosts: faults are set on it, and everything that passes is captured."""

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from badwire.errors import AgentLost, BadOption, LabError, Timeout
from badwire.faults.corrupt import Corrupt
from badwire.faults.fault import Fault
from badwire.store.recorder import Recorder
from badwire.testbed.channel import Channel, Reply
from badwire.testbed.host import Host
from badwire.util.jsonlines import Message

# Seconds in which all frames that wait in the agent reach the lab: 128 MB, at a twentieth of what an engine carries.
_BACKLOG_WITHIN = 120.0


class OwnedFault(NamedTuple):
    """A fault in force, and what set it: a ``with`` block, which removes only its own faults, or the Wire."""

    owner: object
    fault: Fault


def begin_capture(channel: Channel, snaplen: int, clock: str) -> Reply:
    """Ask the wire's agent to capture every frame on every port from now on, and to keep ``snaplen`` bytes of each.

    On the "virtual" clock time stops while the agent reads the capture, so it reads each frame at once.
    """
    return channel.begin("watch", snaplen=snaplen, rests=clock == "real")


class Wire:
    """The bridge between the hosts, with one port for each host. Nothing else in the lab touches packets.

    Faults act on frames at the egress toward the receiver, never inside the sender. When the agent of the wire ends
    early, each method here and each method of every host raises AgentLost.
    """

    def __init__(
        self,
        channel: Channel,
        recorder: Recorder,
        engine: str,
        seed: int,
        hosts: Collection[Host],
        cuts_at: int | None,
    ) -> None:
        self._channel = channel
        self._recorder = recorder
        self._engine = engine
        self._seed = seed
        self._hosts = hosts
        self._in_force: dict[str, list[OwnedFault]] = {}  # by host, for every port
        self._dropped: dict[bytes, str] = {}
        self._decisions: dict[tuple[str, str], list[int]] = defaultdict(list)  # (host, verdict) -> times in ns
        self._since: dict[str, int] = {}  # host -> when its faults were last changed, in ns
        self._changed = threading.Condition()
        self._lost: LabError | None = None
        self._cuts_at = cuts_at  # bytes of a frame that the capture keeps, if it does not keep all

    def add_ports(self, interfaces: Mapping[str, Mapping[str, Any]]) -> None:
        """Connect hosts to the bridge.

        Args:
            interfaces: by the host's name, where its end of the link is, as the agent expects it.
        """
        ports = []
        for host, interface in interfaces.items():
            ports.append({"host": host, "number": self._recorder.port(host), **interface})
        self._ask("ports", ports=ports)
        self._in_force.update({host: [] for host in interfaces})

    @contextmanager
    def fault(self, *faults: Fault, toward: Host | None = None) -> Iterator[None]:
        """Set faults for the duration of a ``with`` block.

        Blocks may be nested; the faults of the outer block stay in force.

        Args:
            faults: the faults, such as ``Loss(0.1)`` and ``Delay(30 * ms)``.
            toward: the host that the frames are sent to; None for every host.

        Raises:
            UnsupportedFault: the engine in use cannot carry out a fault, or not together with those in force.
            MissingCapability: this machine does not have the engine.
        """
        owner = object()
        added = [OwnedFault(owner, fault) for fault in faults]
        ports = list(self._in_force)
        if toward is not None:
            ports = [toward.name]
        self._set({port: self._in_force[port] + added for port in ports})
        try:
            yield
        finally:
            others: dict[str, list[OwnedFault]] = {}
            for port in ports:
                others[port] = [owned for owned in self._in_force[port] if owned.owner is not owner]
            self._set(others)

    def set_faults(self, toward: Host, *faults: Fault) -> None:
        """Replace all faults toward a host. They stay in force until the next call; without faults, none is.

        Raises:
            UnsupportedFault, MissingCapability: as in ``fault``; the faults in force are unchanged then.
        """
        self.set_each({toward.name: faults})

    def set_each(self, toward: Mapping[str, Sequence[Fault]]) -> None:
        """Replace all faults toward each of these hosts, at once and all or none, as ``set_faults`` does.

        Args:
            toward: the faults by the host's name.
        """
        self._set({host: [OwnedFault(self, fault) for fault in faults] for host, faults in toward.items()})

    @property
    def in_force(self) -> dict[str, tuple[Fault, ...]]:
        """The faults in force toward each host, by the host's name."""
        in_force: dict[str, tuple[Fault, ...]] = {}
        for port, owned_faults in self._in_force.items():
            in_force[port] = tuple(owned.fault for owned in owned_faults)
        return in_force

    def release(self, toward: Host) -> int:
        """Deliver the frames that a Hold or a Late toward this host keeps, in their order; return their number."""
        answer = self._ask("release", host=toward.name)
        return int(answer["frames"])

    def wait_until(self, action: str, toward: Host, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until the relay has done something to ``count`` frames since the faults toward the host last changed.

        Args:
            action: "hold", "keep", "release", "drop", "duplicate", "corrupt" or "reorder".
            toward: the host that the frames are sent to.
            count: how many frames.
            timeout: in seconds.

        Raises:
            Timeout: there were fewer after ``timeout`` seconds.
        """
        since = self._since.get(toward.name, 0)
        deadline = time.monotonic() + timeout
        with self._changed:
            reached = self._count(action, toward.name, since)
            while reached < count:
                if self._lost is not None:
                    raise self._lost
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise Timeout(
                        f"the relay did {action!r} to {reached} of {count} frames toward {toward.name} within"
                        f" {timeout:g} s; is a fault in force that it carries out?"
                    )
                reached = self._count(action, toward.name, since)

    def _count(self, action: str, toward: str, since: int) -> int:
        times = self._decisions[toward, action]
        return len([t for t in times if t >= since])

    def facts(self) -> dict[str, Any]:
        """Return which engines this wire has, and for each of the others why it is missing."""
        found: dict[str, Any] = self._ask("facts")
        return found

    def drain(self) -> dict[str, int]:
        """Record every frame that has passed until now; return the counts of ``stop_capture`` so far."""
        counts: dict[str, int] = self._ask("drain", within=_BACKLOG_WITHIN)
        return counts

    def stop_capture(self) -> dict[str, int]:
        """End the capture; return how many frames it has ("frames") and how many the kernel dropped ("dropped")."""
        counts: dict[str, int] = self._ask("unwatch", within=_BACKLOG_WITHIN)
        return counts

    @property
    def dropped(self) -> dict[bytes, str]:
        """Frames that a fault dropped, each with a sentence that names the fault."""
        return self._dropped

    def handle_event(self, event: Message) -> None:
        """Record an event of the wire's agent. Called in the channel's thread."""
        kind = event.pop("event")
        if kind == "frames":
            self._recorder.frames(event["frames"])
        elif kind == "blocks":
            self._recorder.blocks(event["blocks"])
        elif kind == "lost":
            self._fail(event["error"])
        elif kind == "relay_died":
            self._fail(AgentLost("the relay ended before the lab did (was it killed?); the frames it held are lost"))
        else:
            self._recorder.record(kind, **event)
            if kind == "decision":
                self._add_decision(event)

    def _add_decision(self, event: Message) -> None:
        toward = event["toward"]
        verdict = event["verdict"]
        if verdict == "drop":
            fault = event["fault"]
            self._dropped[event["frame"]] = f"dropped by {fault} toward {toward}"
        with self._changed:
            self._decisions[toward, verdict].append(event["t"])
            self._changed.notify_all()

    def _fail(self, error: LabError) -> None:
        """Make every wait in the lab raise ``error``, since the wire has ended and no host can be judged without it."""
        self._recorder.fail(error)
        with self._changed:
            self._lost = error
            self._changed.notify_all()
        for host in self._hosts:
            host.fail(error)

    def _set(self, toward: Mapping[str, list[OwnedFault]]) -> None:
        described: dict[str, list[dict[str, Any]]] = {}
        for host, faults in toward.items():
            if self._cuts_at is not None and any(isinstance(owned.fault, Corrupt) for owned in faults):
                raise BadOption(
                    f"corrupt may change any byte of a frame, and the capture keeps only the first {self._cuts_at};"
                    " leave --snaplen out"
                )
            described[host] = [owned.fault.to_json() for owned in faults]
        answers = self._ask("faults", toward=described, engine=self._engine, seed=self._seed)
        for host, faults in toward.items():
            answer = answers[host]
            since = answer["t"]
            self._in_force[host] = faults
            self._since[host] = since
            self._recorder.record(
                "fault",
                t=since,
                toward=host,
                engine=answer["engine"],
                seeded=answer["seeded"],
                faults=described[host],
            )

    def _ask(self, do: str, **parameters: Any) -> Any:
        self._recorder.check()
        return self._channel.ask(do, **parameters)
