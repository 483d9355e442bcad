"""The wire's agent: makes or adopts the bridge, watches its ports, and puts faults on them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from badwire.agent.event_loop import Loop
from badwire.agent.wire import netem
from badwire.agent.wire.bridge import Bridge, Port
from badwire.agent.wire.capture import Capture
from badwire.agent.wire.redirect import Diversion
from badwire.errors import BadOption, MissingCapability
from badwire.faults import from_json
from badwire.faults.fault import Fault, Netem, combine
from badwire.linux import libc
from badwire.util.jsonlines import Message

T = TypeVar("T")

NO_PORT_YET = "no port was asked for yet, and what a kernel can do is found out on a port"


@dataclass
class _Carried:
    """A port, and which engine carries out its faults; None: no fault was ever set."""

    port: Port
    engine: str | None = None


class WireAgent:
    """Answers the lab's requests; ``send`` takes the events between them.

    Args:
        loop: waits for the capture and the relay.
        send: takes an event; frames are bytes in it.
    """

    def __init__(self, loop: Loop, send: Callable[[Message], None]) -> None:
        self._loop, self._send = loop, send
        self._bridge: Bridge | None = None
        self._carried: dict[str, _Carried] = {}
        self._capture: Capture | None = None
        self._diversion: Diversion | None = None
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
        """The answer to one request.

        Raises:
            LabError: it cannot be done; the text is for the user.
        """
        do = self._requests.get(request["do"])
        if do is None:
            raise BadOption(f"the wire knows no request {request['do']}; it knows {', '.join(self._requests)}")
        if self._diversion is not None:
            self._diversion.check()
        return do(**{name: value for name, value in request.items() if name not in ("id", "do")})

    def close(self) -> None:
        """Remove what we put on a bridge that is not ours; the kernel removes the rest."""
        if self._diversion is not None:
            self._diversion.close()
        if self._bridge is not None:
            self._bridge.close()

    def _make_bridge(self, name: str | None, mtu: int = 1500) -> None:
        self._bridge = Bridge(name, mtu)
        self._diversion = Diversion(self._loop, self._send, self._bridge)
        if name is not None:
            # In the engine's own namespace we hold SYS_ADMIN for one thing only: the relay's own namespace.
            self._diversion.start()
            libc.give_up(libc.CAP_SYS_ADMIN)

    def _make_port(self, host: str, pid: int = 0, ifindex: int | None = None, iflink: int | None = None) -> None:
        bridge = self._there(self._bridge)
        if not bridge.adopted:
            port = bridge.make_port(host, pid)
        elif ifindex is None or iflink is None:
            raise BadOption(f"host {host} has no eth0; is it on the lab's network?")
        else:
            port = bridge.adopt_port(host, ifindex, iflink)
        self._carried[host] = _Carried(port)
        if len(self._carried) == 1 or self._no_netem is None:
            self._no_netem = netem.why_not(bridge.netlink, port.index)
        if self._capture is not None:
            self._capture.set_ports({one.port.index: name for name, one in self._carried.items()})

    def _wait_until_open(self) -> None:
        self._there(self._bridge).wait_until_open()

    def _watch(self, snaplen: int) -> None:
        bridge = self._there(self._bridge)
        ports = {one.port.index: host for host, one in self._carried.items()}
        self._capture = Capture(self._loop, self._send, ports, snaplen, bridge.mtu)
        self._there(self._diversion).watch(snaplen)

    def _unwatch(self) -> dict[str, int]:
        capture, diversion = self._there(self._capture), self._there(self._diversion)
        ends = time.monotonic_ns()  # what comes from now on may be seen in part
        told = diversion.unwatch()
        counted = capture.finish()
        self._capture = None
        return {
            "frames": counted["frames"] + told.frames,
            "dropped": counted["dropped"] + told.lost,
            "unfinished": counted["unfinished"],
            "t": ends,
        }

    def _faults(
        self, host: str, faults: list[dict[str, Any]], engine: str = "auto", seed: int = 1
    ) -> dict[str, object]:
        """Replace what is in force toward ``host``; the answer says which engine does it and from when on (ns)."""
        one = self._one(host)
        wanted = [from_json(fault) for fault in faults]
        chosen = self._choose(wanted, engine) if wanted or one.engine is None else one.engine
        diversion = self._there(self._diversion)
        if chosen == "relay":
            since = diversion.set(one.port, faults, seed)
            if one.engine == "netem":
                self._netem(one.port, Netem())
        else:
            self._netem(one.port, combine(wanted))
            since = time.monotonic_ns()
            diversion.lift(one.port)
        one.engine = chosen
        return {"engine": chosen, "t": since}

    def _netem(self, port: Port, what: Netem) -> None:
        netem.change(self._there(self._bridge).netlink, port.index, what)

    def _choose(self, faults: list[Fault], engine: str) -> str:
        """``netem`` or ``relay``.

        Raises:
            MissingCapability: netem was asked for, and cannot do it.
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
        return {"frames": self._there(self._diversion).release(self._one(host).port)}

    def _facts(self) -> dict[str, object]:
        no_relay = self._there(self._diversion).why_not()
        why = {"netem": self._no_netem, "relay": no_relay}
        return {
            "netem": self._no_netem is None,
            "relay": no_relay is None,
            "why": {engine: sentence for engine, sentence in why.items() if sentence is not None},
        }

    def _one(self, host: str) -> _Carried:
        if host not in self._carried:
            raise BadOption(f"no host {host} on this wire; it has: {', '.join(self._carried) or 'none'}")
        return self._carried[host]

    @staticmethod
    def _there(thing: T | None) -> T:
        if thing is None:
            raise BadOption("this was asked of the wire too early: first bridge, then port, then watch")
        return thing
