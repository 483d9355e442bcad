"""The bridge and its ports: one of our own in this network namespace, or one that a Docker engine made.

The index of a link that we make is chosen here, far above those of the hosts' own interfaces: a veth whose index
happened to equal its peer's would be taken for an interface without one, and the kernel would report its carrier up to
a second late (linkwatch_urgent_event).

When a link is open: only some time after the interface at its other end came up.

The kernel works out a carrier's change in the background (net/core/link_watch.c). Until then a bridge does not forward
on its port, and any interface drops what it is given to send (its qdisc is noop). A frame that comes too early is lost,
and an ARP request that is lost costs a second.
"""

import select
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from badwire.agent.wire.netlink import IPRoute, NetlinkError
from badwire.errors import BadTopology, MachineError, NoPermission, RunError

PATIENCE = 5.0
"""Seconds within which every port must be open; once the hosts' interfaces are up it takes about a millisecond."""
_FORWARDING = 3  # linux/if_bridge.h: BR_STATE_FORWARDING
_LINK_GROUP = 1  # linux/rtnetlink.h: RTMGRP_LINK


def wait_for_ports(netlink: IPRoute, ports: Mapping[int, str]) -> None:
    """Return once the bridge forwards on all ``ports`` (index -> host).

    Raises:
        RunError: one stays shut.
    """

    def shut() -> list[str]:
        states = {link["index"]: _state(link) for link in netlink.get_links()}
        return [host for index, host in ports.items() if states.get(index) != _FORWARDING]

    _wait(shut, "the bridge does not open the port of {}; is the host's eth0 up?")


def wait_for_link(netlink: IPRoute, index: int) -> None:
    """Return once interface ``index`` sends what it is given.

    Raises:
        RunError: its other end stays down.
    """

    def shut() -> list[str]:
        (link,) = netlink.get_links(index)
        ready = link.get_attr("IFLA_OPERSTATE") == "UP" and link.get_attr("IFLA_QDISC") != "noop"
        return [] if ready else [str(link.get_attr("IFLA_IFNAME"))]

    _wait(shut, "interface {} gets no carrier; the relay did not bring up its end")


def _wait(shut: Callable[[], list[str]], otherwise: str) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE) as news:
        news.bind((0, _LINK_GROUP))  # before the look, so that no change falls between look and wait
        poll = select.poll()
        poll.register(news, select.POLLIN)
        end = time.monotonic() + PATIENCE
        while names := shut():
            if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
                raise RunError(otherwise.format(", ".join(names)))
            _discard(news)


def _state(link: Any) -> int | None:
    info = link.get_attr("IFLA_LINKINFO")
    data = info.get_attr("IFLA_INFO_SLAVE_DATA") if info is not None else None
    return None if data is None else data.get_attr("IFLA_BRPORT_STATE")


def _discard(news: socket.socket) -> None:
    try:
        while news.recv(1 << 16):
            pass
    except BlockingIOError:
        pass


OWN_BRIDGE = "br0"
BRIDGE_INDEX = 1000
FIRST_INDEX = 1001
EGRESS = "ffff:fff3"  # the egress side of a clsact qdisc
_EVERYTHING = 0x0003  # ETH_P_ALL
_NO_ADDRESSES = 1  # linux/if_link.h: IN6_ADDR_GEN_MODE_NONE


@dataclass(frozen=True)
class Port:
    """One port: the interface, in the bridge's namespace, that faces ``host``."""

    host: str
    index: int
    name: str


class Bridge:
    """Links and ports, through one netlink socket.

    Args:
        name: None makes a bridge of our own; else the name of the one to adopt.
        mtu: of the bridge's network, in bytes.

    Raises:
        NoPermission: the kernel refuses us the right to make links.
        BadTopology: there is no such bridge.
    """

    def __init__(self, name: str | None, mtu: int) -> None:
        self.netlink = IPRoute()
        self.mtu = mtu
        self.ports: dict[str, Port] = {}
        self._relays: list[int] = []
        self.adopted = name is not None
        self._next = FIRST_INDEX
        self.index = self._make() if name is None else self._find(name)

    def _make(self) -> int:
        with suppress(OSError):  # no netfilter between the ports; absent where the kernel has none
            Path("/proc/sys/net/bridge/bridge-nf-call-iptables").write_text("0")
        try:
            self.netlink.link("set", index=1, state="up")
            self.netlink.link(
                "add", ifname=OWN_BRIDGE, kind="bridge", index=BRIDGE_INDEX, address="02:00:00:00:00:00", mtu=self.mtu,
                br_stp_state=0, br_mcast_snooping=0,
            )  # fmt: skip
            self._up(BRIDGE_INDEX)
        except NetlinkError as error:
            raise NoPermission(
                f"no bridge can be made in this namespace ({_why(error)}); run as root, or allow user namespaces"
            ) from None
        return BRIDGE_INDEX

    def _find(self, name: str) -> int:
        links = self.netlink.get_links(ifname=name) if name in {n for _, n in socket.if_nameindex()} else ()
        for link in links:
            info = link.get_attr("IFLA_LINKINFO")
            if info is not None and info.get_attr("IFLA_INFO_KIND") == "bridge":
                return int(link["index"])
        raise BadTopology(
            f"there is no bridge {name} here; the wire's agent must share the Docker engine's network namespace"
        )

    def make_port(self, host: str, pid: int) -> Port:
        """A veth pair: one end here, in the bridge, the other the ``eth0`` of the namespace of process ``pid``.

        The host brings its end up, and ``wait_until_open`` tells when the bridge has seen that. The addresses count up,
        and the bridge is told which belongs to which port: nothing is flooded but broadcasts, and every run is alike.
        """
        index, self._next = self._next, self._next + 1
        number = index - FIRST_INDEX + 1
        port = Port(host, index, f"p{number}")
        inside = f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
        outside = f"02:00:00:01:{number >> 8:02x}:{number & 255:02x}"
        peer = {"ifname": "eth0", "net_ns_pid": pid, "address": inside, "mtu": self.mtu}
        try:
            self.netlink.link(
                "add", ifname=port.name, kind="veth", index=index, address=outside, mtu=self.mtu, peer=peer
            )
            self._gate(port)
            self._up(index, master=self.index)
            self.netlink.fdb("append", ifindex=index, lladdr=inside, state=0x40)  # NUD_NOARP: a static entry
        except NetlinkError as error:
            raise MachineError(
                f"host {host} cannot be connected to the bridge ({_why(error)}); is its process {pid} alive?"
            ) from None
        self.ports[host] = port
        return port

    def adopt_port(self, host: str, ifindex: int, iflink: int) -> Port:
        """The port that an engine made for a container whose ``eth0`` has these numbers, checked both ways."""
        try:
            (link,) = self.netlink.get_links(iflink)
        except (NetlinkError, ValueError):
            raise self._stranger(host, f"there is no interface {iflink}") from None
        name = link.get_attr("IFLA_IFNAME")
        if link.get_attr("IFLA_MASTER") != self.index:
            raise self._stranger(host, f"{name} is no port of this lab's bridge")
        if link.get_attr("IFLA_LINK") != ifindex:
            raise self._stranger(host, f"{name} belongs to another container")
        port = Port(host, iflink, name)
        self._gate(port)
        self.ports[host] = port
        return port

    def _stranger(self, host: str, why: str) -> MachineError:
        return MachineError(
            f"the port of host {host} cannot be found ({why});"
            " the wire's agent must share the Docker engine's network namespace"
        )

    def _gate(self, port: Port) -> None:
        """Where a filter can hang later: made before the first frame, as adding a qdisc to a live link drops some."""
        self.netlink.tc("add", "clsact", index=port.index)

    def make_relay_pair(self, port: Port, pid: int) -> tuple[int, str]:
        """A veth pair to the namespace of process ``pid``: the index of our end, and the name of the other."""
        index, self._next = self._next, self._next + 1
        ours, theirs = f"lab{self.index}r{port.index}", f"r{port.index}"
        peer = {"ifname": theirs, "net_ns_pid": pid, "mtu": self.mtu}
        number = {} if self.adopted else {"index": index}
        self.netlink.link("add", ifname=ours, kind="veth", mtu=self.mtu, peer=peer, **number)
        index = socket.if_nametoindex(ours)
        self._relays.append(index)
        self._up(index)
        return index, theirs

    def _up(self, index: int, **more: Any) -> None:
        """Bring a link of ours up, without the IPv6 address with which it would speak up for itself."""
        if Path("/proc/net/if_inet6").exists():
            no_address = {"attrs": [["IFLA_INET6_ADDR_GEN_MODE", _NO_ADDRESSES]]}
            self.netlink.link("set", index=index, IFLA_AF_SPEC={"attrs": [["AF_INET6", no_address]]}, **more)
        self.netlink.link("set", index=index, state="up", **more)

    def divert(self, port: Port, to: int) -> None:
        """From now on everything that would leave through ``port`` leaves through interface ``to``."""
        action = {"kind": "mirred", "direction": "egress", "action": "redirect", "ifindex": to}
        self._filter("add-filter", port, keys=["0x0/0x0+0"], action=action)

    def undivert(self, port: Port) -> None:
        self._filter("del-filter", port)

    def _filter(self, command: str, port: Port, **what: Any) -> None:
        self.netlink.tc(command, "u32", index=port.index, parent=EGRESS, prio=1, protocol=_EVERYTHING, target=0, **what)

    def wait_until_open(self) -> None:
        """Return once the bridge forwards on every port. RunError when one stays shut."""
        wait_for_ports(self.netlink, {port.index: port.host for port in self.ports.values()})

    def close(self) -> None:
        """Remove from an adopted bridge whatever we put there; our own goes with its namespace."""
        if self.adopted:
            for index in self._relays:
                self._drop(self.netlink.link, "del", index=index)
            for port in self.ports.values():
                self._drop(self.netlink.tc, "del", "clsact", index=port.index)
                self._drop(self.netlink.tc, "del", index=port.index, handle=0, parent=0xFFFFFFFF)
        self.netlink.close()

    def _drop(self, call: Any, *args: Any, **kwargs: Any) -> None:
        with suppress(NetlinkError):  # gone with its container, or never there
            call(*args, **kwargs)


def _why(error: NetlinkError) -> str:
    return str(error.args[-1])
