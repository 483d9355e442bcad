"""The bridge and its ports: one of our own in this network namespace, or one that a Docker engine made.

The index of a link that we make is chosen here, far above those of the hosts' own interfaces. The kernel treats a veth
whose index equals its peer's as an interface without a peer, and reports its carrier up to a second late
(linkwatch_urgent_event).
"""

import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from badwire.agent.host.system import turn_offloads_off
from badwire.agent.wire.links import wait_for_ports
from badwire.agent.wire.netlink import IPRoute, NetlinkError
from badwire.errors import BadTopology, MachineError, NoPermission

OWN_BRIDGE = "br0"
BRIDGE_INDEX = 1000
FIRST_INDEX = 1001
EGRESS = "ffff:fff3"  # the egress side of a clsact qdisc
_ETH_P_ALL = 0x0003
_TC_H_ROOT = 0xFFFFFFFF  # linux/pkt_sched.h
_NUD_NOARP = 0x40  # linux/neighbour.h: a static entry
_ADDR_GEN_MODE_NONE = 1  # linux/if_link.h: IN6_ADDR_GEN_MODE_NONE


@dataclass(frozen=True)
class BridgePort:
    """A port of the bridge: the interface, in the bridge's namespace, toward ``host``."""

    host: str
    index: int
    name: str


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
        self.netlink = IPRoute()
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
            self.netlink.link("set", index=1, state="up")
            self.netlink.link(
                "add",
                ifname=OWN_BRIDGE,
                kind="bridge",
                index=BRIDGE_INDEX,
                address="02:00:00:00:00:00",
                mtu=self.mtu,
                br_stp_state=0,
                br_mcast_snooping=0,
            )
            self._up(BRIDGE_INDEX)
        except NetlinkError as error:
            reason = _reason(error)
            raise NoPermission(
                f"no bridge can be made in this namespace ({reason}); run as root, or allow user namespaces"
            ) from None
        return BRIDGE_INDEX

    def _find(self, name: str) -> int:
        interfaces = [interface for _, interface in socket.if_nameindex()]
        if name in interfaces:
            for link in self.netlink.get_links(ifname=name):
                info = link.get_attr("IFLA_LINKINFO")
                if info is not None and info.get_attr("IFLA_INFO_KIND") == "bridge":
                    return int(link["index"])
        raise BadTopology(
            f"there is no bridge {name} here; the wire's agent must share the Docker engine's network namespace"
        )

    def make_port(self, host: str, pid: int) -> BridgePort:
        """Make a veth pair: one end in the bridge, the other the ``eth0`` of the namespace of process ``pid``.

        The host brings its end up; ``wait_until_open`` returns when the bridge has noticed. The MAC addresses count up,
        and each port has a static entry for its host's. So the bridge floods broadcasts only, and all runs are alike.
        """
        index = self._take_index()
        number = index - FIRST_INDEX + 1
        port = BridgePort(host, index, f"p{number}")
        high, low = divmod(number, 256)
        host_address = f"02:00:00:00:{high:02x}:{low:02x}"
        port_address = f"02:00:00:01:{high:02x}:{low:02x}"
        peer = {"ifname": "eth0", "net_ns_pid": pid, "address": host_address, "mtu": self.mtu}
        try:
            self.netlink.link(
                "add", ifname=port.name, kind="veth", index=index, address=port_address, mtu=self.mtu, peer=peer
            )
            self._add_clsact(port)
            self._up(index, master=self.index)
            self.netlink.fdb("append", ifindex=index, lladdr=host_address, state=_NUD_NOARP)
        except NetlinkError as error:
            reason = _reason(error)
            raise MachineError(
                f"host {host} cannot be connected to the bridge ({reason}); is its process {pid} alive?"
            ) from None
        self.ports[host] = port
        return port

    def adopt_port(self, host: str, ifindex: int, iflink: int) -> BridgePort:
        """The port that an engine made for a container; each end's numbers must name the other.

        Args:
            ifindex: the number of the container's ``eth0``.
            iflink: the number of its peer, which is the port.
        """
        try:
            (link,) = self.netlink.get_links(iflink)
        except (NetlinkError, ValueError):
            raise _no_port(host, f"there is no interface {iflink}") from None
        name = link.get_attr("IFLA_IFNAME")
        if link.get_attr("IFLA_MASTER") != self.index:
            raise _no_port(host, f"{name} is not a port of this lab's bridge")
        if link.get_attr("IFLA_LINK") != ifindex:
            raise _no_port(host, f"{name} belongs to another container")
        port = BridgePort(host, iflink, name)
        self._add_clsact(port)
        self.ports[host] = port
        return port

    def _take_index(self) -> int:
        index = self._next_index
        self._next_index += 1
        return index

    def _add_clsact(self, port: BridgePort) -> None:
        """Add the qdisc for later filters before the first frame; adding one to a live link drops frames."""
        self.netlink.tc("add", "clsact", index=port.index)

    def make_relay_pair(self, port: BridgePort, pid: int) -> tuple[int, str]:
        """Make a veth pair to the namespace of process ``pid``; returns the index of our end, the name of the other."""
        own_end = f"lab{self.index}r{port.index}"
        relay_end = f"r{port.index}"
        peer = {"ifname": relay_end, "net_ns_pid": pid, "mtu": self.mtu}
        options: dict[str, int] = {}
        if not self.adopted:
            options["index"] = self._take_index()
        self.netlink.link("add", ifname=own_end, kind="veth", mtu=self.mtu, peer=peer, **options)
        index = socket.if_nametoindex(own_end)
        self._relay_pairs.append(index)
        if self.adopted:
            # The engine's machine sends on this bridge too: with offloads it leaves checksums and segmentation to the
            # interface, and the relay would read frames that are not finished.
            turn_offloads_off(own_end)
        self._up(index)
        return index, relay_end

    def _up(self, index: int, **options: Any) -> None:
        """Bring a link of ours up without an IPv6 address, for which it would send frames of its own."""
        if Path("/proc/net/if_inet6").exists():
            inet6 = {"attrs": [["IFLA_INET6_ADDR_GEN_MODE", _ADDR_GEN_MODE_NONE]]}
            families = {"attrs": [["AF_INET6", inet6]]}
            self.netlink.link("set", index=index, IFLA_AF_SPEC=families, **options)
        self.netlink.link("set", index=index, state="up", **options)

    def redirect(self, port: BridgePort, to: int) -> None:
        """From now on send every frame through interface ``to`` instead of ``port``."""
        action = {"kind": "mirred", "direction": "egress", "action": "redirect", "ifindex": to}
        self._filter("add-filter", port, keys=["0x0/0x0+0"], action=action)

    def remove_redirect(self, port: BridgePort) -> None:
        """From now on send frames through ``port`` again."""
        self._filter("del-filter", port)

    def _filter(self, command: str, port: BridgePort, **options: Any) -> None:
        self.netlink.tc(
            command, "u32", index=port.index, parent=EGRESS, prio=1, protocol=_ETH_P_ALL, target=0, **options
        )

    def wait_until_open(self) -> None:
        """Return once the bridge forwards on every port.

        Raises:
            RunError: a port stays closed.
        """
        hosts = {port.index: port.host for port in self.ports.values()}
        wait_for_ports(self.netlink, hosts)

    def close(self) -> None:
        """Remove what we added to an adopted bridge; a bridge of our own is removed with its namespace."""
        if self.adopted:
            for index in self._relay_pairs:
                with suppress(NetlinkError):  # the relay's end, and this one with it, may be gone
                    self.netlink.link("del", index=index)
            for port in self.ports.values():
                with suppress(NetlinkError):  # the port may be gone with its container
                    self.netlink.tc("del", "clsact", index=port.index)
                with suppress(NetlinkError):  # the root qdisc, a netem, may never have been added
                    self.netlink.tc("del", index=port.index, handle=0, parent=_TC_H_ROOT)
        self.netlink.close()


def _no_port(host: str, reason: str) -> MachineError:
    return MachineError(
        f"the port of host {host} cannot be found ({reason}); the wire's agent must share the Docker engine's network"
        " namespace"
    )


def _reason(error: NetlinkError) -> str:
    return str(error.args[-1])
