"""The bridge and its ports: one of our own in this network namespace, or one that a Docker engine made.

The index of a link that we make is chosen here, far above those of the hosts' own interfaces. The kernel treats a veth
whose index equals its peer's as an interface without a peer, and reports its carrier up to a second late
(linkwatch_urgent_event).
"""

import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from badwire.agent.host.system import turn_offloads_off
from badwire.agent.wire import links, requests
from badwire.errors import BadTopology, MachineError, NoPermission
from badwire.linux.netlink import Netlink, NetlinkError, Request

OWN_BRIDGE = "br0"
BRIDGE_INDEX = 1000
FIRST_INDEX = 1001
_LOOPBACK = 1
_BRIDGE_ADDRESS = "02:00:00:00:00:00"


@dataclass(frozen=True)
class BridgePort:
    """A port of the bridge: the interface, in the bridge's namespace, toward ``host``, whose MAC address is ``mac``."""

    host: str
    index: int
    name: str
    mac: bytes


@dataclass(frozen=True)
class RelayPair:
    """A veth pair to the relay: the number of our end, and the name of the relay's."""

    index: int
    relay_end: str


class Bridge:
    """The bridge, its links and its ports, through one netlink socket.

    Args:
        name: the bridge to adopt; None: make one.
        mtu: of the bridge's network, in bytes.

    Raises:
        NoPermission: the kernel does not let this process make links.
        BadTopology: there is no such bridge.
    """

    def __init__(self, name: str | None, mtu: int) -> None:
        self.netlink = Netlink()
        self.mtu = mtu
        self.ports: dict[str, BridgePort] = {}
        self._relay_pairs: list[int] = []  # indices of our ends
        self.adopted = name is not None
        self._next_index = FIRST_INDEX
        self.index = self._make() if name is None else self._find(name)

    def _make(self) -> int:
        for tables in ("iptables", "ip6tables"):
            with suppress(OSError):  # netfilter must not filter between ports; the file is absent without br_netfilter
                Path(f"/proc/sys/net/bridge/bridge-nf-call-{tables}").write_text("0")
        try:
            self.netlink.ask(
                requests.set_up(_LOOPBACK),
                requests.add_bridge(BRIDGE_INDEX, OWN_BRIDGE, _BRIDGE_ADDRESS, self.mtu),
                *_up(BRIDGE_INDEX),
            )
        except NetlinkError as error:
            raise NoPermission(
                f"no bridge can be made in this namespace ({error.strerror}); run as root, or allow user namespaces"
            ) from None
        return BRIDGE_INDEX

    def _find(self, name: str) -> int:
        with suppress(OSError):  # there is no interface of this name
            index = socket.if_nametoindex(name)
            (link,) = links.find(self.netlink, index)
            if link.kind == "bridge":
                return index
        raise BadTopology(
            f"there is no bridge {name} here; the wire's agent must share the Docker engine's network namespace"
        )

    def make_ports(self, pids: Mapping[str, int]) -> list[BridgePort]:
        """Make a veth pair for each host: one end in the bridge, the other the ``eth0`` of the host's namespace.

        The host brings its end up; ``wait_until_open`` returns when the bridge has noticed. The MAC addresses count up,
        and each port has a static entry for its host's. So the bridge floods broadcasts only, and all runs are alike.

        Args:
            pids: of a process in the namespace of each host, by the host's name.
        """
        ports: list[BridgePort] = []
        asked: list[Request] = []
        of_host: list[str] = []  # the host that each request is about
        for host in pids:
            index = self._take_index()
            number = index - FIRST_INDEX + 1
            high, low = divmod(number, 256)
            port = BridgePort(host, index, f"p{number}", mac=bytes([2, 0, 0, 0, high, low]))
            ports.append(port)
            about_it = self._requests_for(port, pids[host])
            asked += about_it
            of_host += [host] * len(about_it)
        try:
            self.netlink.ask(*asked)
        except NetlinkError as error:
            host = of_host[error.position]
            raise MachineError(
                f"host {host} cannot be connected to the bridge ({error.strerror}); is its process {pids[host]} alive?"
            ) from None
        self.ports.update({port.host: port for port in ports})
        return ports

    def _requests_for(self, port: BridgePort, pid: int) -> list[Request]:
        host_address = port.mac.hex(":")
        port_address = bytes([*port.mac[:3], 1, *port.mac[4:]]).hex(":")
        return [
            requests.add_veth(
                port.name,
                self.mtu,
                index=port.index,
                address=port_address,
                peer_name="eth0",
                peer_pid=pid,
                peer_address=host_address,
            ),
            requests.add_clsact(port.index),  # before the first frame: adding one to a live link drops frames
            requests.set_master(port.index, self.index),
            *_up(port.index),
            requests.add_forwarding_entry(port.index, host_address),
        ]

    def adopt_port(self, host: str, ifindex: int, iflink: int, mac: str) -> BridgePort:
        """The port that an engine made for a container; each end's numbers must name the other.

        Args:
            ifindex: the number of the container's ``eth0``.
            iflink: the number of its peer, which is the port.
            mac: the address of the container's ``eth0``.
        """
        try:
            (link,) = links.find(self.netlink, iflink)
        except NetlinkError:
            raise _no_port(host, f"there is no interface {iflink}") from None
        if link.master != self.index:
            raise _no_port(host, f"{link.name} is not a port of this lab's bridge")
        if link.peer != ifindex:
            raise _no_port(host, f"{link.name} belongs to another container")
        port = BridgePort(host, iflink, link.name, bytes.fromhex(mac.replace(":", "")))
        self.netlink.ask(requests.add_clsact(port.index))
        self.ports[host] = port
        return port

    def _take_index(self) -> int:
        index = self._next_index
        self._next_index += 1
        return index

    def make_relay_pairs(self, ports: Sequence[BridgePort], pid: int) -> list[RelayPair]:
        """Make a veth pair for each port, with the other end in the namespace of process ``pid``."""
        names = [f"lab{self.index}r{port.index}" for port in ports]
        relay_names = [f"r{port.index}" for port in ports]
        asked: list[Request] = []
        for name, relay_name in zip(names, relay_names, strict=True):
            index = 0 if self.adopted else self._take_index()
            asked.append(requests.add_veth(name, self.mtu, index=index, peer_name=relay_name, peer_pid=pid))
        self.netlink.ask(*asked)
        indices = [socket.if_nametoindex(name) for name in names]
        self._relay_pairs += indices
        if self.adopted:
            # The engine's machine sends on this bridge too: with offloads it leaves checksums and segmentation to the
            # interface, and the relay would read frames that are not finished.
            for name in names:
                turn_offloads_off(name)
        self.netlink.ask(*[request for index in indices for request in _up(index)])
        return [RelayPair(index, name) for index, name in zip(indices, relay_names, strict=True)]

    def redirect(self, to: Mapping[BridgePort, int]) -> None:
        """From now on send every frame through the interface with this number instead of the port."""
        self.netlink.ask(*[requests.redirect(port.index, index) for port, index in to.items()])

    def remove_redirect(self, ports: Iterable[BridgePort]) -> None:
        """From now on send frames through these ports again."""
        self.netlink.ask(*[requests.remove_redirect(port.index) for port in ports])

    def wait_until_open(self) -> None:
        """Return once the bridge forwards on every port.

        Raises:
            RunError: a port stays closed.
        """
        hosts = {port.index: port.host for port in self.ports.values()}
        links.wait_for_ports(self.netlink, hosts)

    def close(self) -> None:
        """Remove what we added to an adopted bridge; a bridge of our own is removed with its namespace."""
        if self.adopted:
            for index in self._relay_pairs:
                with suppress(NetlinkError):  # the relay's end, and this one with it, may be gone
                    self.netlink.ask(requests.delete_link(index))
            for port in self.ports.values():
                with suppress(NetlinkError):  # the port may be gone with its container
                    self.netlink.ask(requests.delete_clsact(port.index))
                with suppress(NetlinkError):  # the root qdisc, a netem, may never have been added
                    self.netlink.ask(requests.delete_root_qdisc(port.index))
        self.netlink.close()


def _no_port(host: str, reason: str) -> MachineError:
    return MachineError(
        f"the port of host {host} cannot be found ({reason}); the wire's agent must share the Docker engine's network"
        " namespace"
    )


def _up(index: int) -> list[Request]:
    """Bring a link of ours up without an IPv6 address, for which it would send frames of its own."""
    if Path("/proc/net/if_inet6").exists():
        return [requests.without_ipv6_address(index), requests.set_up(index)]
    return [requests.set_up(index)]
