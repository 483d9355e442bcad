"""The agent on the wire: makes or adopts the bridge, captures at its ports, and sets faults on them.

Each host's port has a fault engine, the kernel's netem (`netem`) or the relay (`badwire.agent.relay`), chosen here.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from badwire.agent.event_loop import Loop
from badwire.agent.outbox import Outbox
from badwire.agent.wire import netem
from badwire.agent.wire.bridge import Bridge, BridgePort
from badwire.agent.wire.capture import CapturedPort, CaptureRecorder
from badwire.agent.wire.redirect import Redirect, RelayCounts
from badwire.errors import BadOption, MissingCapability, RunError, UnsupportedFault
from badwire.faults import from_json
from badwire.faults.fault import Fault, Netem, combine
from badwire.linux import libc, scheduling
from badwire.util.jsonlines import Message

T = TypeVar("T")

NO_PORT_YET = "the wire has no port yet, which the check for netem needs; add a host first"


@dataclass
class _PortState:
    """A port.

    Attributes:
        port: the port of the bridge.
        number: of the host's interface in the capture file.
        engine: carries out its faults; None: no fault was ever set.
        changes: how often netem was given faults here.
    """

    port: BridgePort
    number: int
    engine: str | None = None
    changes: int = 0


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
        self._redirect: Redirect | None = None
        self._no_netem: str | None = NO_PORT_YET
        self._requests: dict[str, Callable[..., object]] = {
            "bridge": self._make_bridge,
            "port": self._make_port,
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

    def _make_port(
        self, host: str, number: int, pid: int = 0, ifindex: int | None = None, iflink: int | None = None
    ) -> None:
        bridge = self._existing(self._bridge)
        if not bridge.adopted:
            port = bridge.make_port(host, pid)
        elif ifindex is None or iflink is None:
            raise BadOption(f"host {host} has no eth0; is it on the lab's network?")
        else:
            port = bridge.adopt_port(host, ifindex, iflink)
        self._ports[host] = _PortState(port, number)
        if len(self._ports) == 1 or self._no_netem is None:
            self._no_netem = netem.why_not(bridge.netlink, port.index)
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
        host: str,
        faults: list[dict[str, Any]],
        engine: str = "auto",
        seed: int = 1,
    ) -> dict[str, object]:
        """Replace the faults toward ``host``.

        Returns:
            The engine that carries them out, since when (ns), and whether the random numbers that they need come from
            ``seed``.
        """
        state = self._port(host)
        if _is_gone(state.port):
            if faults:
                raise RunError(
                    f"the port of {host} is gone, since its container has ended; end the lab and start again"
                )
            return {"engine": state.engine or engine, "t": time.monotonic_ns(), "seeded": True}
        parsed = [from_json(fault) for fault in faults]
        chosen = state.engine  # lifts the faults that it carries out
        if parsed or chosen is None:
            chosen = self._choose(parsed, engine)
        redirect = self._existing(self._redirect)
        if chosen == "relay":
            seeded = True
            since = redirect.set(state.port, faults, seed)
            if state.engine == "netem":
                self._set_netem(state.port, Netem())
        else:
            settings = combine(parsed)
            state.changes += 1  # each change has a seed of its own, so that none repeats the pattern of one before
            its_seed = int.from_bytes(sha256(f"{seed}:{host}:{state.changes}".encode()).digest()[:8], "big")
            seeded = self._set_netem(state.port, settings, its_seed) or not settings.draws
            since = time.monotonic_ns()
            redirect.lift(state.port)
        state.engine = chosen
        return {"engine": chosen, "t": since, "seeded": seeded}

    def _set_netem(self, port: BridgePort, settings: Netem, seed: int | None = None) -> bool:
        """Whether netem draws from ``seed``; see ``netem.change``."""
        bridge = self._existing(self._bridge)
        return netem.change(bridge.netlink, port.index, settings, seed)

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
