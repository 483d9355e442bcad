"""The agent on the wire: makes or adopts the bridge, captures at its ports, and sets faults on them.

Each host's port has a fault engine, the kernel's netem (`netem`) or the relay (`badwire.agent.relay`), chosen here.
"""

import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

from badwire.agent.event_loop import Loop, Timer
from badwire.agent.outbox import Outbox
from badwire.agent.wire import netem
from badwire.agent.wire.bridge import Bridge, BridgePort
from badwire.agent.wire.capture import CapturedPort, CaptureRecorder
from badwire.agent.wire.redirect import Redirect, RelayCounts
from badwire.errors import BadOption, LabError, MissingCapability, RunError, UnsupportedFault, to_wire
from badwire.faults import from_json
from badwire.faults.fault import NS, Fault, Netem, combine
from badwire.linux import libc, scheduling
from badwire.util.jsonlines import Message

T = TypeVar("T")
Faults = list[dict[str, Any]]  # as ``Fault.to_json`` makes them
Answers = dict[str, dict[str, Any]]  # by host: the engine of its faults, since when, and whether they are seeded

# ns before the end of a fault at which the agent is called: its loop waits for whole milliseconds, and the rest of the
# time, which is less than one, is waited for with microsecond precision.
_EARLY = 1_000_000
NO_PORT_YET = "the wire has no port yet, which the check for netem needs; add a host first"


@dataclass
class _PortState:
    """A port.

    Attributes:
        port: the port of the bridge.
        number: of the host's interface in the capture file.
        engine: carries out its faults; None: no fault was ever set.
        faults: those in force toward its host, as ``Fault.to_json`` makes them.
        until: of each of them, when it is lifted by itself, in ns; None: never.
        changes: how often netem was given faults here.
    """

    port: BridgePort
    number: int
    engine: str | None = None
    faults: Faults = field(default_factory=list)
    until: list[int | None] = field(default_factory=list)
    changes: int = 0


@dataclass(frozen=True)
class _Wanted:
    """The faults that are to be in force toward a host, and when each is lifted by itself, in ns.

    None in ``until``: in as many seconds as the fault says, or never.
    """

    faults: list[Fault]
    until: list[int | None]

    @property
    def described(self) -> Faults:
        return [fault.to_json() for fault in self.faults]

    def after(self, now: int) -> "_Wanted":
        """Those that do not end before ``now``."""
        kept = [pair for pair in zip(self.faults, self.until, strict=True) if pair[1] is None or pair[1] > now]
        return _Wanted([fault for fault, _ in kept], [end for _, end in kept])

    def ends(self, since: int) -> list[int | None]:
        """When each is lifted by itself, if those without a time came into force at ``since``."""
        ends: list[int | None] = []
        for fault, end in zip(self.faults, self.until, strict=True):
            if end is None and fault.for_ns is not None:
                end = since + fault.for_ns
            ends.append(end)
        return ends


class WireAgent:
    """Carries out the lab's requests.

    Args:
        loop: waits for the capture and the relay.
        outbox: takes each event.
    """

    def __init__(self, loop: Loop, outbox: Outbox) -> None:
        self._loop = loop
        self._outbox = outbox
        self._bridge: Bridge | None = None
        self._ports: dict[str, _PortState] = {}  # by host
        self._recorder: CaptureRecorder | None = None
        # Recorders that have finished. The kernel takes 20 ms to unmap a ring: for the one of a lab's end, the lab need
        # not wait, since it is unmapped when the process ends, as the others end.
        self._ended: list[CaptureRecorder] = []
        self._redirect: Redirect | None = None
        self._no_netem: str | None = NO_PORT_YET
        self._next_end: Timer | None = None  # of the fault that is the next to end by itself
        self._seed = 1  # of the faults in force
        self._requests: dict[str, Callable[..., object]] = {
            "bridge": self._make_bridge,
            "ports": self._make_ports,
            "open": self._wait_until_open,
            "watch": self._watch,
            "drain": self._drain,
            "unwatch": self._unwatch,
            "faults": self._faults,
            "release": self._release,
            "facts": self._facts,
        }

    def handle(self, request: Message) -> object:
        """Carry out one request and return its answer.

        Raises:
            LabError: the request cannot be carried out; the text is for the user.
        """
        parameters = dict(request)
        parameters.pop("id", None)
        name = parameters.pop("do")
        do = self._requests.get(name)
        if do is None:
            known = ", ".join(self._requests)
            raise BadOption(f"the wire has no request {name}; it has {known}")
        if self._redirect is not None:
            self._redirect.check()
        return do(**parameters)

    def close(self) -> None:
        """Remove what we added to an adopted bridge; the kernel removes the rest."""
        if self._redirect is not None:
            self._redirect.close()
        if self._bridge is not None:
            self._bridge.close()

    def _make_bridge(self, name: str | None, mtu: int = 1500, fails_open: bool = False) -> None:
        self._bridge = Bridge(name, mtu)
        self._redirect = Redirect(self._loop, self._outbox, self._bridge, fails_open)
        if name is not None:
            # In the Docker Engine's own namespace, SYS_ADMIN is needed for the relay's namespace only.
            self._redirect.start()
            libc.drop_capabilities(libc.CAP_SYS_ADMIN)

    def _make_ports(self, ports: Sequence[Mapping[str, Any]]) -> None:
        """Connect hosts to the bridge.

        Args:
            ports: of each host its name ("host"), the number of its interface in the capture file ("number") and, on a
                bridge of our own, a process in its namespace ("pid"), else the numbers of its interface and of the
                peer ("ifindex" and "iflink"), and its MAC address ("mac").
        """
        bridge = self._existing(self._bridge)
        made: list[BridgePort] = []
        if not bridge.adopted:
            made += bridge.make_ports({port["host"]: port["pid"] for port in ports})
        else:
            for port in ports:
                if port["ifindex"] is None or port["iflink"] is None:
                    raise BadOption(f"host {port['host']} has no eth0; is it on the lab's network?")
                made.append(bridge.adopt_port(port["host"], port["ifindex"], port["iflink"], port["mac"]))
        if not self._ports or self._no_netem is None:
            self._no_netem = netem.add(bridge.netlink, [new_port.index for new_port in made])
        for new_port, described in zip(made, ports, strict=True):
            self._ports[new_port.host] = _PortState(new_port, described["number"])
        if self._recorder is not None:
            self._recorder.set_ports(self._captured_ports())

    def _wait_until_open(self) -> None:
        bridge = self._existing(self._bridge)
        bridge.wait_until_open()

    def _watch(self, snaplen: int, rests: bool = True) -> None:
        bridge = self._existing(self._bridge)
        redirect = self._existing(self._redirect)
        scheduling.come_first()  # while a busy machine lets the agent wait, the ring fills
        ports = self._captured_ports()
        self._recorder = CaptureRecorder(self._loop, self._outbox, ports, snaplen, bridge.mtu, rests)
        redirect.watch(snaplen)

    def _unwatch(self) -> dict[str, int]:
        recorder = self._existing(self._recorder)
        redirect = self._existing(self._redirect)
        end = time.monotonic_ns()  # of the frames that pass from now on, only some are captured
        counts = self._counts(redirect.unwatch(), recorder.finish(), end)
        recorder.set_ports({})
        self._ended.append(recorder)
        self._recorder = None
        return counts

    def _drain(self) -> dict[str, int]:
        """Send on every frame that has passed until now; returns the counts of ``unwatch``, as they are now."""
        recorder = self._existing(self._recorder)
        redirect = self._existing(self._redirect)
        end = time.monotonic_ns()
        return self._counts(redirect.flush(), recorder.drain(), end)

    @staticmethod
    def _counts(relayed: RelayCounts, captured: dict[str, int], end: int) -> dict[str, int]:
        return {
            "frames": captured["frames"] + relayed.frames,
            "dropped": captured["dropped"] + relayed.lost,
            "unfinished": captured["unfinished"],
            "t": end,
        }

    def _faults(
        self,
        toward: Mapping[str, Faults],
        engine: str = "auto",
        seed: int = 1,
        until: Mapping[str, list[int | None]] | None = None,
    ) -> dict[str, object]:
        """Replace the faults toward hosts, all or none, and send an event for each of the hosts: "fault".

        Args:
            toward: the faults by the host's name; those toward other hosts stay.
            engine: that of all hosts: "auto", "netem" or "relay".
            seed: of the random numbers.
            until: for each of the faults, when it is lifted by itself (ns), if it has been in force already. None: in
                as many seconds from now as the fault says, or never.

        Returns:
            By the host's name: the engine that carries them out, since when (ns), whether the random numbers that they
            need come from ``seed``, and for each fault, when it is lifted by itself.
        """
        wanted: dict[str, _Wanted] = {}
        for host, faults in toward.items():
            given = (until or {}).get(host) or [None] * len(faults)
            wanted[host] = _Wanted([from_json(fault) for fault in faults], given)
            self._check_senders(wanted[host].faults)
        now = time.monotonic_ns()
        remaining = {host: each.after(now) for host, each in wanted.items()}
        gone = [host for host in toward if _is_gone(self._port(host).port)]
        present = {host: each for host, each in remaining.items() if host not in gone}
        for host in gone:
            if remaining[host].faults:
                raise RunError(
                    f"the port of {host} is gone, since its container has ended; end the lab and start again"
                )
        chosen: dict[str, str] = {}
        for host, each in present.items():
            lifting = self._port(host).engine  # the engine that carries out those in force
            chosen[host] = self._choose(each.faults, engine) if each.faults or lifting is None else lifting
        answer = self._replace({host: each.described for host, each in present.items()}, chosen, seed)
        for host in gone:
            self._port(host).faults = []
            answer[host] = {"engine": self._port(host).engine or engine, "t": time.monotonic_ns(), "seeded": True}
        for host, of_host in answer.items():
            since: int = of_host["t"]
            self._port(host).until = remaining[host].ends(since)
            of_host["until"] = wanted[host].ends(since)
        self._seed = seed
        self._send_faults(answer)
        self._lift_in_time()
        return {**answer}

    def _check_senders(self, faults: Sequence[Fault]) -> None:
        """Raise BadOption for a fault on the frames of a host that is not on this wire."""
        for fault in faults:
            if fault.from_ is not None:
                self._port(fault.from_)

    def _replace(self, toward: Mapping[str, Faults], engines: Mapping[str, str], seed: int) -> Answers:
        """Carry out these faults in place of those in force; all or none."""
        before = {host: self._port(host).faults for host in toward}
        engines_before = {host: self._port(host).engine or engines[host] for host in toward}
        try:
            return self._carry_out(toward, engines, seed)
        except LabError:
            with suppress(LabError):
                self._carry_out(before, engines_before, seed)
            raise

    def _send_faults(self, answer: Answers) -> None:
        """Report which faults are in force now toward each of these hosts."""
        for host, of_host in answer.items():
            event = {
                "event": "fault",
                "t": of_host["t"],
                "toward": host,
                "engine": of_host["engine"],
                "seeded": of_host["seeded"],
                "faults": self._port(host).faults,
            }
            self._outbox.send(event)

    def _lift_in_time(self) -> None:
        """Call ``_lift_ended`` when the next fault ends by itself."""
        ends = [end for state in self._ports.values() for end in state.until if end is not None]
        if self._next_end is not None:
            self._next_end.cancel()
            self._next_end = None
        if ends:
            end = min(ends)
            self._next_end = self._loop.at(end - _EARLY, lambda: self._lift_ended(end))

    def _lift_ended(self, end: int) -> None:
        """Lift the faults that end by themselves at ``end``, in ns, or before; report it, or why it was impossible."""
        self._next_end = None
        left = max(0, end - time.monotonic_ns())
        select.select([], [], [], left / NS)
        remaining: dict[str, Faults] = {}
        for host, state in self._ports.items():
            ended = [each is not None and each <= end for each in state.until]
            if any(ended):
                remaining[host] = [fault for fault, is_over in zip(state.faults, ended, strict=True) if not is_over]
                state.until = [each for each, is_over in zip(state.until, ended, strict=True) if not is_over]
        gone = [host for host in remaining if _is_gone(self._port(host).port)]
        engines = {host: self._port(host).engine or "relay" for host in remaining}
        try:
            if self._redirect is not None:
                self._redirect.check()
            present = {host: faults for host, faults in remaining.items() if host not in gone}
            answer = self._replace(present, engines, self._seed)
        except LabError as error:
            self._outbox.send({"event": "not_lifted", **to_wire(error)})
            return
        for host in gone:
            self._port(host).faults = remaining[host]
            answer[host] = {"engine": engines[host], "t": time.monotonic_ns(), "seeded": True}
        self._send_faults(answer)
        self._lift_in_time()

    def _carry_out(self, toward: Mapping[str, Faults], engines: Mapping[str, str], seed: int) -> Answers:
        redirect = self._existing(self._redirect)
        states = {host: self._port(host) for host in toward}
        relayed = [host for host in toward if engines[host] == "relay"]
        by_netem = [host for host in toward if engines[host] == "netem"]
        answer: Answers = {}
        by_kernel = [host for host in relayed if states[host].engine == "netem"]
        replacing = [states[host].port for host in by_kernel if states[host].faults]
        addresses = {host: state.port.mac for host, state in self._ports.items()}
        since = redirect.set({states[host].port: toward[host] for host in relayed}, seed, addresses, replacing)
        self._lift_netem([states[host] for host in by_kernel])
        for host in relayed:
            answer[host] = {"engine": "relay", "t": since[states[host].port], "seeded": True}
        seeded = self._set_netem({host: toward[host] for host in by_netem}, seed)
        redirect.lift([states[host].port for host in by_netem])
        now = time.monotonic_ns()
        for host in by_netem:
            answer[host] = {"engine": "netem", "t": now, "seeded": seeded[host]}
        for host, state in states.items():
            state.engine = engines[host]
            state.faults = toward[host]
        return answer

    def _lift_netem(self, states: Sequence[_PortState]) -> None:
        netlink = self._existing(self._bridge).netlink
        netem.change(netlink, [netem.Change(state.port.index, Netem()) for state in states])

    def _set_netem(self, toward: Mapping[str, Faults], seed: int) -> dict[str, bool]:
        """Configure the netem of each host's port; returns whether it draws from ``seed``, if it draws at all."""
        netlink = self._existing(self._bridge).netlink
        changes: list[netem.Change] = []
        for host, faults in toward.items():
            state = self._port(host)
            state.changes += 1  # each change has a seed of its own, so that none repeats the pattern of one before
            its_seed = int.from_bytes(sha256(f"{seed}:{host}:{state.changes}".encode()).digest()[:8], "big")
            settings = combine([from_json(fault) for fault in faults])
            changes.append(netem.Change(state.port.index, settings, its_seed))
        draws_from_seed = netem.change(netlink, changes)
        seeded: dict[str, bool] = {}
        for host, change, of_seed in zip(toward, changes, draws_from_seed, strict=True):
            seeded[host] = of_seed or not change.netem.draws
        return seeded

    def _choose(self, faults: list[Fault], engine: str) -> str:
        """``netem`` or ``relay``: the engine asked for or, for ``auto``, netem where it can carry out all faults.

        Raises:
            UnsupportedFault: netem was asked for and cannot carry them out.
            MissingCapability: netem was asked for, and this kernel has none.
        """
        if engine not in ("auto", "netem", "relay"):
            raise BadOption(f"there is no engine {engine}; choose auto, netem or relay")
        if engine == "relay":
            return engine
        try:
            self._check_netem(faults)
        except (MissingCapability, UnsupportedFault):
            if engine == "netem":
                raise
            return "relay"
        return "netem"

    def _check_netem(self, faults: list[Fault]) -> None:
        """Raise UnsupportedFault if netem cannot carry out these faults, and MissingCapability if there is no netem."""
        settings = combine(faults)
        if self._no_netem is not None:
            raise MissingCapability(self._no_netem)
        netem.options(settings, netem.tick_ns())

    def _release(self, host: str) -> dict[str, int]:
        redirect = self._existing(self._redirect)
        state = self._port(host)
        return {"frames": redirect.release(state.port)}

    def _facts(self) -> dict[str, object]:
        redirect = self._existing(self._redirect)
        no_netem = self._no_netem
        no_relay = redirect.why_not()
        why: dict[str, str] = {}
        if no_netem is not None:
            why["netem"] = no_netem
        if no_relay is not None:
            why["relay"] = no_relay
        return {"netem": no_netem is None, "relay": no_relay is None, "why": why}

    def _port(self, host: str) -> _PortState:
        if host not in self._ports:
            known = ", ".join(self._ports) or "none"
            raise BadOption(f"no host {host} on this wire; it has: {known}")
        return self._ports[host]

    def _captured_ports(self) -> dict[int, CapturedPort]:
        return {state.port.index: CapturedPort(host, state.number) for host, state in self._ports.items()}

    @staticmethod
    def _existing(part: T | None) -> T:
        if part is None:
            raise BadOption("the wire is not ready for this request; send bridge, then port, then watch")
        return part


def _is_gone(port: BridgePort) -> bool:
    """Whether the port has gone with its container."""
    try:
        socket.if_indextoname(port.index)
    except OSError:
        return True
    return False
