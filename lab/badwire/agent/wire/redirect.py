"""Redirects frames to the relay: a port's egress goes into a veth pair, and the relay reads at the other end.

The relay sends through a raw socket bound to the port. That bypasses the port's qdisc, so a frame is not redirected
again; it also bypasses packet sockets, so the relay itself reports what it has delivered.
"""

import socket
import struct
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from badwire.agent.event_loop import Loop
from badwire.agent.outbox import Outbox
from badwire.agent.relay.process import Relay
from badwire.agent.wire.bridge import Bridge, BridgePort, RelayPair
from badwire.agent.wire.links import wait_for_links
from badwire.errors import AgentLost, LabError, MissingCapability, NoPermission
from badwire.linux.netlink import NetlinkError

T = TypeVar("T")

PAUSE_NS = 20_000_000  # until the relay's log is read again, after the lab was too slow to read it
_SOL_PACKET = 263
_PACKET_QDISC_BYPASS = 20  # linux/if_packet.h
_DIED = "the relay that carries out the faults ended during the run (was it killed?) and its frames are lost; run again"


@dataclass
class RelayCounts:
    """What the relay reported while it was watched: frames that it delivered; frames and records that were lost."""

    frames: int = 0
    lost: int = 0


class Redirect:
    """The relay and the ports that are redirected to it. It starts when it is first needed, or by ``start``.

    If the relay dies, its frames are lost; with ``fails_open`` the ports are no longer redirected then.
    """

    def __init__(self, loop: Loop, outbox: Outbox, bridge: Bridge, fails_open: bool = False) -> None:
        self._loop = loop
        self._outbox = outbox
        self._bridge = bridge
        self._fails_open = fails_open
        self._relay: Relay | None = None
        self._start_error: LabError | None = None
        self._died: AgentLost | None = None
        self._pairs: dict[str, int] = {}  # host -> index of our end of its veth pair
        self._redirected: set[str] = set()  # hosts
        self._snaplen: int | None = None
        self._counts = RelayCounts()

    def start(self) -> None:
        """Start the relay now; where that fails, the first fault that needs the relay raises the error."""
        if self._relay is not None or self._start_error is not None:
            return
        try:
            self._relay = Relay().start()
        except LabError as error:
            self._start_error = error
            return
        except OSError as error:
            self._start_error = NoPermission(f"the relay cannot start: {error}; use the engine netem")
            return
        bridge_name = socket.if_indextoname(self._bridge.index)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw_socket:
            raw_socket.bind((bridge_name, 0))
            self._relay.set_wire_socket(raw_socket)
        self._loop.reader(self._relay.fileno(), self._on_events)
        if self._snaplen is not None:
            self._relay.watch(self._snaplen)

    def why_not(self) -> str | None:
        """None if the relay can be used; else the sentence that says why it cannot."""
        self.start()
        if self._start_error is None:
            return None
        return str(self._start_error)

    def check(self) -> None:
        """Raise AgentLost if the relay has died."""
        if self._died is not None:
            raise self._died

    def set(
        self,
        toward: Mapping[BridgePort, Sequence[Mapping[str, Any]]],
        seed: int,
        addresses: Mapping[str, bytes],
        replacing: Collection[BridgePort] = (),
    ) -> dict[BridgePort, int]:
        """Replace all faults toward these ports' hosts; returns by the port since when they are in force, in ns.

        The relay's time is exact, since each frame meets the faults of its time there. So a port is redirected before
        its faults are set and until they are lifted; in between, the relay sends its frames on at once.

        Args:
            toward: the faults by the port; without any, the port is no longer redirected.
            seed: of the random numbers.
            addresses: the MAC address of each host.
            replacing: the ports at which the kernel carries out faults until now. These are redirected when the relay
                has its faults, so that no frame passes without any; theirs is the time after that.

        Raises:
            MissingCapability: the kernel refuses to redirect a port.
            BadFault: a field of a fault is out of range, and nothing was replaced.
        """
        to_redirect = [port for port, faults in toward.items() if faults]
        to_set = [port for port, faults in toward.items() if faults or port.host in self._pairs]
        if not to_set:
            now = time.monotonic_ns()
            return dict.fromkeys(toward, now)
        relay = self._started_relay()
        self._connect(relay, [port for port in to_redirect if port.host not in self._pairs])
        new = [port for port in to_redirect if port.host not in self._redirected]
        self._add_redirect([port for port in new if port not in replacing])
        in_force = self._ask(lambda: relay.set({port.host: toward[port] for port in to_set}, seed, addresses))
        since = dict.fromkeys(toward, in_force)
        late = [port for port in new if port in replacing]
        if late:
            self._add_redirect(late)
            since.update(dict.fromkeys(late, time.monotonic_ns()))
        self._remove_redirect([port for port, faults in toward.items() if not faults])
        return since

    def lift(self, ports: Collection[BridgePort]) -> None:
        """Stop redirecting these ports, for which the kernel has its faults; what the relay still holds goes on."""
        redirected = [port for port in ports if port.host in self._redirected]
        self._remove_redirect(redirected)
        if redirected:
            relay = self._started_relay()
            self._ask(lambda: relay.set({port.host: () for port in redirected}, 0, {}))

    def _add_redirect(self, ports: Collection[BridgePort]) -> None:
        self._change_bridge(lambda: self._bridge.redirect({port: self._pairs[port.host] for port in ports}))
        self._redirected.update(port.host for port in ports)

    def _remove_redirect(self, ports: Collection[BridgePort]) -> None:
        redirected = [port for port in ports if port.host in self._redirected]
        self._change_bridge(lambda: self._bridge.remove_redirect(redirected))
        self._redirected.difference_update(port.host for port in redirected)

    def release(self, port: BridgePort) -> int:
        """Release the frames that a Hold or a Late toward this port's host keeps; returns their number."""
        if port.host not in self._pairs:
            return 0
        relay = self._started_relay()
        return self._ask(lambda: relay.release(port.host))

    def watch(self, snaplen: int) -> None:
        """From now on send on what the relay delivers and decides."""
        self._snaplen = snaplen
        self._counts = RelayCounts()
        relay = self._relay
        if relay is not None:
            self._ask(lambda: relay.watch(snaplen))

    def flush(self) -> RelayCounts:
        """Send on all that the relay has delivered until now."""
        if self._relay is not None:
            self._ask(self._relay.flush)
        return self._counts

    def unwatch(self) -> RelayCounts:
        """Send on all that the relay has delivered until now, and no more."""
        if self._relay is not None:
            self._ask(self._relay.unwatch)
        self._snaplen = None
        return self._counts

    def close(self) -> None:
        """End the relay."""
        if self._relay is not None:
            self._loop.forget(self._relay.fileno())
            self._relay.close()
            self._relay = None

    def _started_relay(self) -> Relay:
        self.start()
        if self._start_error is not None:
            raise self._start_error
        assert self._relay is not None
        return self._relay

    def _connect(self, relay: Relay, ports: Sequence[BridgePort]) -> None:
        """Connect ports to the relay; returns when what is redirected to it arrives there."""
        pairs = self._change_bridge(lambda: self._bridge.make_relay_pairs(ports, relay.pid))
        for port, pair in zip(ports, pairs, strict=True):
            self._connect_one(relay, port, pair)
        wait_for_links(self._bridge.netlink, [pair.index for pair in pairs])
        self._pairs.update({port.host: pair.index for port, pair in zip(ports, pairs, strict=True)})

    def _connect_one(self, relay: Relay, port: BridgePort, pair: RelayPair) -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as outward:
            outward.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, struct.pack("i", 1))
            outward.bind((port.name, 0))
            self._ask(lambda: relay.add_port(port.host, outward, pair.relay_end))

    def _change_bridge(self, change: Callable[[], T]) -> T:
        try:
            return change()
        except NetlinkError as error:
            raise MissingCapability(
                f"this kernel refuses to redirect a port to the relay ({error.strerror}); load veth, sch_ingress,"
                " cls_u32 and act_mirred"
            ) from None

    def _ask(self, request: Callable[[], T]) -> T:
        """Make a request of the relay, and send on the events that arrive with the answer."""
        try:
            answer = request()
        except AgentLost:
            self._set_died()
            raise AgentLost(_DIED) from None
        self._read_events()
        return answer

    def _on_events(self) -> None:
        if self._outbox.has_room:
            self._read_events()
            return
        assert self._relay is not None
        self._loop.forget(self._relay.fileno())
        self._loop.at(time.monotonic_ns() + PAUSE_NS, self._resume)

    def _resume(self) -> None:
        if self._relay is not None and self._died is None:
            self._loop.reader(self._relay.fileno(), self._on_events)

    def _read_events(self) -> None:
        assert self._relay is not None
        try:
            events = self._relay.events()
        except AgentLost:
            self._set_died()
            return
        for event in events:
            if event["event"] == "lost":
                self._counts.lost += event["frames"]
                continue
            if event["event"] == "frames":
                self._counts.frames += len(event["frames"])
            self._outbox.send(event)

    def _set_died(self) -> None:
        if self._relay is not None and self._died is None:
            self._died = AgentLost(_DIED)
            self._loop.forget(self._relay.fileno())
            if self._fails_open:
                self._open_all()
            self._outbox.send({"event": "relay_died"})

    def _open_all(self) -> None:
        """Let the frames of every port pass as if there were no lab."""
        for host in self._redirected:
            with suppress(NetlinkError):  # the port may be gone with its container
                self._bridge.remove_redirect([self._bridge.ports[host]])
        self._redirected.clear()
