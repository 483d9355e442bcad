"""The network between the hosts: faults are set on it, and everything that passes is captured."""

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from badwire.errors import AgentLost, BadOption, LabError, Timeout, from_wire
from badwire.faults.corrupt import Corrupt
from badwire.faults.direction import Direction, check_apart
from badwire.faults.fault import Fault
from badwire.store.recorder import Recorder
from badwire.testbed.channel import Channel, Reply
from badwire.testbed.host import Host
from badwire.util.jsonlines import Message

# Seconds in which all frames that wait in the agent reach the lab: 128 MB, at a twentieth of what an engine carries.
_BACKLOG_WITHIN = 120.0


class OwnedFault(NamedTuple):
    """A fault in force, and what set it: a ``with`` block, which removes only its own faults, or the Wire.

    ``until`` is when it is lifted by itself, in ns; None: never, or it is yet to be set.
    """

    owner: object
    fault: Fault
    until: int | None = None

    def is_over(self, now: int) -> bool:
        """Whether it has been lifted by itself."""
        return self.until is not None and self.until <= now


AnyHost = Host | str
"""A host, or its name."""


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
    def fault(
        self,
        *faults: Fault,
        toward: AnyHost | None = None,
        from_: AnyHost | None = None,
        between: tuple[AnyHost, AnyHost] | None = None,
        of: AnyHost | None = None,
    ) -> Iterator[None]:
        """Set faults for the duration of a ``with`` block.

        Blocks may be nested; the faults of the outer block stay in force.

        Args:
            faults: the faults, such as ``Loss(0.1)`` and ``Delay(30 * ms)``. One with ``for_`` is lifted by itself
                after so many seconds, if the block has not ended before.
            toward: the host that the frames are sent to; None for every host.
            from_: the host that sent the frames; None for any.
            between: two hosts: the frames that either of them sends to the other.
            of: a host: the frames that it sends, and those that are sent to it.

        Raises:
            BadOption: there is no such host, a pair is one host, or the direction is given in two ways.
            UnsupportedFault: the engine in use cannot carry out a fault, or not together with those in force.
            MissingCapability: this machine does not have the engine.
        """
        direction = Direction(
            toward=() if toward is None else (_name(toward),),
            from_=() if from_ is None else (_name(from_),),
            between=() if between is None else (_pair(between),),
            of=() if of is None else (_name(of),),
        )
        owner = object()
        wanted: dict[str, list[OwnedFault]] = {}
        for (host, _), fault in direction.of_each(faults, list(self._in_force)):
            wanted.setdefault(host, self._still_in_force(host))
            wanted[host].append(OwnedFault(owner, fault))
        self._set(wanted)
        try:
            yield
        finally:
            others: dict[str, list[OwnedFault]] = {}
            for host in wanted:
                others[host] = [owned for owned in self._still_in_force(host) if owned.owner is not owner]
            self._set(others)

    def set_faults(self, toward: Host, *faults: Fault) -> None:
        """Replace all faults toward a host. They stay in force until the next call; without faults, none is.

        Raises:
            UnsupportedFault, MissingCapability: as in ``fault``; the faults in force are unchanged then.
        """
        self.replace([(Direction(toward=(toward.name,)), faults)])

    def replace(self, groups: Sequence[tuple[Direction, Sequence[Fault]]]) -> None:
        """Replace the faults of each direction, all at once and all or none; they stay in force until the next call.

        Toward a host, all faults are replaced; toward a host from another one, those on frames from that one only.

        Args:
            groups: directions, each with the faults of it. Without faults, those in force are lifted.

        Raises:
            BadOption: as in ``fault``, or two groups set the same kind of fault on the same frames.
            UnsupportedFault, MissingCapability: as in ``fault``; the faults in force are unchanged then.
        """
        wanted: dict[str, list[OwnedFault]] = {}
        hosts = list(self._in_force)
        added = [direction.of_each(faults, hosts) for direction, faults in groups]
        check_apart(added)
        for direction, _ in groups:
            for host, sender in direction.paths(hosts):
                present = wanted.setdefault(host, self._still_in_force(host))
                if sender is None:
                    present.clear()
                else:
                    present[:] = [owned for owned in present if owned.fault.from_ != sender]
        for of_group in added:
            for (host, _), fault in of_group:
                wanted[host].append(OwnedFault(self, fault))
        self._set(wanted)

    def _still_in_force(self, host: str) -> list[OwnedFault]:
        """The faults in force toward a host, without those that have been lifted by themselves."""
        now = time.monotonic_ns()
        return [owned for owned in self._in_force[host] if not owned.is_over(now)]

    @property
    def in_force(self) -> dict[str, tuple[Fault, ...]]:
        """The faults in force toward each host, by the host's name."""
        in_force: dict[str, tuple[Fault, ...]] = {}
        for host in self._in_force:
            in_force[host] = tuple(owned.fault for owned in self._still_in_force(host))
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
        elif kind == "not_lifted":
            self._fail(from_wire(event))
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
        """Replace the faults toward these hosts. The agent reports what is in force, which is then recorded."""
        described: dict[str, list[dict[str, Any]]] = {}
        for host, faults in toward.items():
            if self._cuts_at is not None and any(isinstance(owned.fault, Corrupt) for owned in faults):
                raise BadOption(
                    f"corrupt may change any byte of a frame, and the capture keeps only the first {self._cuts_at};"
                    " leave --snaplen out"
                )
            described[host] = [owned.fault.to_json() for owned in faults]
        until = {host: [owned.until for owned in faults] for host, faults in toward.items()}
        answers = self._ask("faults", toward=described, engine=self._engine, seed=self._seed, until=until)
        for host, faults in toward.items():
            ends = answers[host]["until"]
            self._in_force[host] = [owned._replace(until=end) for owned, end in zip(faults, ends, strict=True)]
            self._since[host] = answers[host]["t"]

    def _ask(self, do: str, **parameters: Any) -> Any:
        self._recorder.check()
        return self._channel.ask(do, **parameters)


def _name(host: AnyHost) -> str:
    return host if isinstance(host, str) else host.name


def _pair(between: tuple[AnyHost, AnyHost]) -> tuple[str, str]:
    """The names of two hosts. Raises BadOption if there are fewer or more, or these are no hosts."""
    names = (between,) if isinstance(between, str) else tuple(_name(host) for host in between)
    if len(names) != 2:
        raise BadOption(f"between needs two hosts, as in between=('client', 'server'), not {between!r}.")
    return names[0], names[1]
