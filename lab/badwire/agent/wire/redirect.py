"""How frames get to the relay and back: a port's egress is redirected into a veth pair, the relay reads at its end.

The relay sends through a raw socket bound to the port. It goes past the port's qdisc, so the frame does not meet the
redirect again; it also goes past packet taps, so the relay itself tells what it delivered (facts, 3).
"""

import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from badwire.agent.event_loop import Loop
from badwire.agent.relay.process import Relay
from badwire.agent.wire import bridge as opening
from badwire.agent.wire.bridge import Bridge, Port
from badwire.agent.wire.netlink import NetlinkError
from badwire.errors import AgentLost, LabError, MissingCapability, NoPermission
from badwire.util.jsonlines import Message

T = TypeVar("T")

_SOL_PACKET, _QDISC_BYPASS = 263, 20  # linux/if_packet.h
_DIED = "the relay that carries out the faults ended in mid-run (was it killed?) and its frames are lost; run again"


@dataclass
class Told:
    """What the relay told while it was watched: frames that it delivered, and frames that it, or its record, lost."""

    frames: int = 0
    lost: int = 0


class Diversion:
    """The relay and the ports that it carries. It is started when it is first needed, or by ``start``."""

    def __init__(self, loop: Loop, send: Callable[[Message], None], bridge: Bridge) -> None:
        self._loop, self._send, self._bridge = loop, send, bridge
        self._relay: Relay | None = None
        self._failure: LabError | None = None  # it never started
        self._died: AgentLost | None = None
        self._ends: dict[str, int] = {}  # host -> index of our end of its veth pair
        self._diverted: set[str] = set()
        self._snaplen: int | None = None
        self._told = Told()

    def start(self) -> None:
        """Start the relay now; where it cannot be had, the first fault that needs it says why."""
        if self._relay is not None or self._failure is not None:
            return
        try:
            self._relay = Relay().start()
        except (LabError, OSError) as error:
            self._failure = error if isinstance(error, LabError) else NoPermission(f"the relay cannot start: {error}")
            return
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as voice:
            voice.bind((socket.if_indextoname(self._bridge.index), 0))
            self._relay.speak_by(voice)
        self._loop.reader(self._relay.fileno(), self._listen)
        if self._snaplen is not None:
            self._relay.watch(self._snaplen)

    def why_not(self) -> str | None:
        """None where the relay can be had; else the sentence that says why it cannot."""
        self.start()
        return None if self._failure is None else str(self._failure)

    def check(self) -> None:
        """Raises AgentLost when the relay has died."""
        if self._died is not None:
            raise self._died

    def set(self, port: Port, faults: Sequence[Mapping[str, Any]], seed: int) -> int:
        """The whole list of faults toward this port's host; returns the time in ns from which on it holds.

        The filter goes in after the faults are known and comes out before they are lifted: at no moment does a frame
        come to a relay that does not know what to do with it.
        """
        if not faults:
            return self._lift(port, seed)
        relay = self._ready()
        if port.host not in self._ends:
            self._ends[port.host] = self._connect(relay, port)
        since = self._heard(lambda: relay.set(port.host, faults, seed))
        if port.host not in self._diverted:
            self._tell_bridge(lambda: self._bridge.divert(port, self._ends[port.host]))
            self._diverted.add(port.host)
        return since

    def lift(self, port: Port) -> None:
        """Take the relay off this port, if it was on it; what it still holds goes on its way."""
        if port.host in self._diverted:
            self._lift(port, 0)

    def _lift(self, port: Port, seed: int) -> int:
        if port.host not in self._ends:
            return time.monotonic_ns()
        relay = self._ready()
        if port.host in self._diverted:
            self._tell_bridge(lambda: self._bridge.undivert(port))
            self._diverted.remove(port.host)
        return self._heard(lambda: relay.set(port.host, [], seed))

    def release(self, port: Port) -> int:
        """Let go what a Hold or a Late toward this port's host keeps: how many frames."""
        if port.host not in self._ends:
            return 0
        relay = self._ready()
        return self._heard(lambda: relay.release(port.host))

    def watch(self, snaplen: int) -> None:
        """From now on hand on what the relay delivers and decides."""
        self._snaplen, self._told = snaplen, Told()
        if self._relay is not None:
            self._heard(lambda: self._ready().watch(snaplen))

    def unwatch(self) -> Told:
        """Hand on all that the relay has delivered until now, and no more."""
        if self._relay is not None:
            self._heard(self._ready().unwatch)
        self._snaplen = None
        return self._told

    def close(self) -> None:
        if self._relay is not None:
            self._loop.forget(self._relay.fileno())
            self._relay.close()
            self._relay = None

    def _ready(self) -> Relay:
        self.start()
        if self._failure is not None:
            raise self._failure
        assert self._relay is not None
        return self._relay

    def _connect(self, relay: Relay, port: Port) -> int:
        index, theirs = self._tell_bridge(lambda: self._bridge.make_relay_pair(port, relay.pid))
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as outward:
            outward.setsockopt(_SOL_PACKET, _QDISC_BYPASS, struct.pack("i", 1))
            outward.bind((port.name, 0))
            self._heard(lambda: relay.add_port(port.host, outward, theirs))
        opening.wait_for_link(self._bridge.netlink, index)
        return index

    def _tell_bridge(self, change: Callable[[], T]) -> T:
        try:
            return change()
        except NetlinkError as error:
            raise MissingCapability(
                f"this kernel refuses to redirect a port to the relay ({error.args[-1]});"
                " it needs veth, sch_ingress, cls_u32 and act_mirred"
            ) from None

    def _heard(self, question: Callable[[], T]) -> T:
        """Ask the relay, and hand on what it told on the way."""
        try:
            answer = question()
        except AgentLost:
            self._bury()
            raise AgentLost(_DIED) from None
        self._listen()
        return answer

    def _listen(self) -> None:
        assert self._relay is not None
        try:
            events = self._relay.events()
        except AgentLost:
            self._bury()
            return
        for event in events:
            if event["event"] == "lost":
                self._told.lost += event["frames"]
                continue
            if event["event"] == "frames":
                self._told.frames += len(event["frames"])
            self._send(event)

    def _bury(self) -> None:
        if self._relay is not None and self._died is None:
            self._died = AgentLost(_DIED)
            self._loop.forget(self._relay.fileno())
            self._send({"event": "relay_died"})
