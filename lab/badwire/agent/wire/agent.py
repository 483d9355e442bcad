"""The agent on the wire: makes or adopts the bridge, captures at its ports, and sets faults on them.

Each host's port has a fault engine, the kernel's netem (`netem`) or the relay (`badwire.agent.relay`), chosen here.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from badwire.agent.event_loop import Loop
from badwire.agent.wire import netem
from badwire.agent.wire.bridge import Bridge, BridgePort
from badwire.agent.wire.capture import Capture
from badwire.agent.wire.redirect import Redirect
from badwire.errors import BadOption, MissingCapability
from badwire.faults import from_json
from badwire.faults.fault import Fault, Netem, combine
from badwire.linux import libc
from badwire.util.jsonlines import Message

T = TypeVar("T")

NO_PORT_YET = "the wire has no port yet, and whether the kernel has netem is found out on a port; add a host first"


@dataclass
class _PortState:
    """A port, and the engine that carries out its faults; None: no fault was ever set."""

    port: BridgePort
    engine: str | None = None


class WireAgent:
    """Carries out the lab's requests.

    Args:
        loop: waits for the capture and the relay.
        send: called with each event; frames in it are bytes.
    """

    def __init__(self, loop: Loop, send: Callable[[Message], None]) -> None:
        self._loop = loop
        self._send = send
        self._bridge: Bridge | None = None
        self._ports: dict[str, _PortState] = {}  # by host
        self._capture: Capture | None = None
        self._redirect: Redirect | None = None
        self._no_netem: str | None = NO_PORT_YET
        self._requests: dict[str, Callable[..., object]] = {
            "bridge": self._make_bridge,
            "port": self._make_port,
            "open": self._wait_until_open,
            "watch": self._watch,
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
        do = self._requests.get(request["do"])
        if do is None:
            raise BadOption(f"the wire knows no request {request['do']}; it knows {', '.join(self._requests)}")
        if self._redirect is not None:
            self._redirect.check()
        return do(**{name: value for name, value in request.items() if name not in ("id", "do")})

    def close(self) -> None:
        """Remove what we added to an adopted bridge; the kernel removes the rest."""
        if self._redirect is not None:
            self._redirect.close()
        if self._bridge is not None:
            self._bridge.close()

    def _make_bridge(self, name: str | None, mtu: int = 1500) -> None:
        self._bridge = Bridge(name, mtu)
        self._redirect = Redirect(self._loop, self._send, self._bridge)
        if name is not None:
            # In the Docker Engine's own namespace, SYS_ADMIN is needed for the relay's namespace only.
            self._redirect.start()
            libc.drop_capabilities(libc.CAP_SYS_ADMIN)

    def _make_port(self, host: str, pid: int = 0, ifindex: int | None = None, iflink: int | None = None) -> None:
        bridge = self._existing(self._bridge)
        if not bridge.adopted:
            port = bridge.make_port(host, pid)
        elif ifindex is None or iflink is None:
            raise BadOption(f"host {host} has no eth0; is it on the lab's network?")
        else:
            port = bridge.adopt_port(host, ifindex, iflink)
        self._ports[host] = _PortState(port)
        if len(self._ports) == 1 or self._no_netem is None:
            self._no_netem = netem.why_not(bridge.netlink, port.index)
        if self._capture is not None:
            self._capture.set_ports(self._hosts_by_index())

    def _wait_until_open(self) -> None:
        self._existing(self._bridge).wait_until_open()

    def _watch(self, snaplen: int) -> None:
        bridge = self._existing(self._bridge)
        self._capture = Capture(self._loop, self._send, self._hosts_by_index(), snaplen, bridge.mtu)
        self._existing(self._redirect).watch(snaplen)

    def _unwatch(self) -> dict[str, int]:
        capture = self._existing(self._capture)
        redirect = self._existing(self._redirect)
        end = time.monotonic_ns()  # of the frames that pass from now on, only some are captured
        relayed = redirect.unwatch()
        captured = capture.finish()
        self._capture = None
        return {
            "frames": captured["frames"] + relayed.frames,
            "dropped": captured["dropped"] + relayed.lost,
            "unfinished": captured["unfinished"],
            "t": end,
        }

    def _faults(
        self, host: str, faults: list[dict[str, Any]], engine: str = "auto", seed: int = 1
    ) -> dict[str, object]:
        """Replace the faults toward ``host``; returns which engine carries them out, and since when (ns)."""
        state = self._port(host)
        wanted = [from_json(fault) for fault in faults]
        chosen = self._choose(wanted, engine) if wanted or state.engine is None else state.engine
        redirect = self._existing(self._redirect)
        if chosen == "relay":
            since = redirect.set(state.port, faults, seed)
            if state.engine == "netem":
                self._set_netem(state.port, Netem())
        else:
            self._set_netem(state.port, combine(wanted))
            since = time.monotonic_ns()
            redirect.lift(state.port)
        state.engine = chosen
        return {"engine": chosen, "t": since}

    def _set_netem(self, port: BridgePort, what: Netem) -> None:
        netem.change(self._existing(self._bridge).netlink, port.index, what)

    def _choose(self, faults: list[Fault], engine: str) -> str:
        """``netem`` or ``relay``: the engine asked for or, for ``auto``, netem where it can carry out all faults.

        Raises:
            MissingCapability: netem was asked for and cannot carry them out.
        """
        if engine not in ("auto", "netem", "relay"):
            raise BadOption(f"there is no engine {engine}; choose auto, netem or relay")
        if engine == "relay":
            return engine
        try:
            if self._no_netem is not None:
                raise MissingCapability(self._no_netem)
            netem.options(combine(faults), netem.tick_ns())
        except MissingCapability:
            if engine == "netem":
                raise
            return "relay"
        return "netem"

    def _release(self, host: str) -> dict[str, int]:
        return {"frames": self._existing(self._redirect).release(self._port(host).port)}

    def _facts(self) -> dict[str, object]:
        no_relay = self._existing(self._redirect).why_not()
        why = {"netem": self._no_netem, "relay": no_relay}
        return {
            "netem": self._no_netem is None,
            "relay": no_relay is None,
            "why": {engine: sentence for engine, sentence in why.items() if sentence is not None},
        }

    def _port(self, host: str) -> _PortState:
        if host not in self._ports:
            raise BadOption(f"no host {host} on this wire; it has: {', '.join(self._ports) or 'none'}")
        return self._ports[host]

    def _hosts_by_index(self) -> dict[int, str]:
        return {state.port.index: host for host, state in self._ports.items()}

    @staticmethod
    def _existing(part: T | None) -> T:
        if part is None:
            raise BadOption("this was asked of the wire too early: first bridge, then port, then watch")
        return part
