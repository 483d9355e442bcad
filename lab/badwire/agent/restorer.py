"""Leaves a network that runs already as it was: what the lab changes in it is noted here first, and undone at the end.

It is a process of its own, in a container of its own, so that it outlives every other process of the lab. It undoes
everything when it is asked to, when its input ends because the lab is gone, and when the wire's agent has ended.

Its argument is a `Network` as JSON. It writes one line when it has taken note, and one when everything is undone.
"""

import json
import os
import select
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from badwire.agent.host import system
from badwire.agent.wire.netlink import IPRoute, NetlinkError
from badwire.linux import libc

RESTORE = b"restore\n"  # the request to undo everything
_RELAY_LINK = "lab"  # how the names of the relay's links begin: agent/wire/bridge.py
_TC_H_ROOT = 0xFFFFFFFF  # linux/pkt_sched.h
_EMPTY = "noqueue"  # the qdisc of an interface without a queue, as a port of a bridge has it (net/sched/sch_generic.c)


@dataclass(frozen=True)
class Service:
    """A container that the lab joins.

    Attributes:
        pid: a process in its network namespace, as the engine's machine numbers it.
        address: its IPv4 address in the network, without a prefix length.
    """

    pid: int
    address: str


@dataclass(frozen=True)
class Network:
    """What the lab joins: the name of the bridge, and the services by the names of their hosts."""

    bridge: str
    services: Mapping[str, Service]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Network":
        fields = json.loads(text)
        services = {name: Service(**service) for name, service in fields["services"].items()}
        return cls(fields["bridge"], services)


class Refused(Exception):
    """The network cannot be joined; the text is a sentence for the user."""


@dataclass(frozen=True)
class JoinedPort:
    """A port of the bridge, and what the interface at its other end was like.

    Attributes:
        index: of the port, in the namespace of the bridge.
        namespace: a descriptor of the container's network namespace.
        interface: the name of the container's interface.
        offloads: the state of each of its offloads, before the lab turned them off.
    """

    index: int
    namespace: int
    interface: str
    offloads: Mapping[str, bool]


class Restorer:
    """Takes note of a network, turns the offloads of its hosts off, and undoes what the lab has done.

    Raises:
        Refused: a container or its port cannot be joined.
    """

    def __init__(self, network: Network) -> None:
        self._netlink = IPRoute()
        self._own_namespace = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._bridge = self._index_of(network.bridge)
        self._ports: dict[str, JoinedPort] = {}
        for host, service in network.services.items():
            self._ports[host] = self._look_at(host, service)
        # Only now is anything changed: a network that cannot be joined stays untouched.
        for port in self._ports.values():
            with self._inside(port.namespace):
                system.turn_offloads_off(port.interface)

    def restore(self) -> None:
        """Undo everything; what is gone already needs no undoing."""
        for port in self._ports.values():
            with suppress(NetlinkError):  # no fault was ever set toward this host, or the port is gone
                self._netlink.tc("del", "clsact", index=port.index)
            with suppress(NetlinkError):
                self._netlink.tc("del", index=port.index, handle=0, parent=_TC_H_ROOT)
        for link in self._netlink.get_links():
            name = str(link.get_attr("IFLA_IFNAME"))
            if name.startswith(f"{_RELAY_LINK}{self._bridge}r"):
                with suppress(NetlinkError):
                    self._netlink.link("del", index=link["index"])
        for port in self._ports.values():
            with suppress(OSError), self._inside(port.namespace):  # the interface goes with its container
                system.set_offloads(port.interface, port.offloads)

    def _look_at(self, host: str, service: Service) -> JoinedPort:
        try:
            namespace = os.open(f"/proc/{service.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Refused(
                f"{host} cannot be joined: its process {service.pid} cannot be seen ({error.strerror})"
            ) from None
        with self._inside(namespace):
            interface = system.interface_with(service.address)
            if interface is None:
                raise Refused(f"{host} has no interface with the address {service.address}")
            offloads = system.offloads(interface)
            with IPRoute() as netlink:
                (link,) = netlink.get_links(ifname=interface)
            port = link.get_attr("IFLA_LINK")
        self._check_port(host, port)
        return JoinedPort(port, namespace, interface, offloads)

    def _check_port(self, host: str, index: int | None) -> None:
        """Raise Refused unless this is a port of the bridge whose queueing discipline is nobody's."""
        try:
            (link,) = self._netlink.get_links(index)
        except (NetlinkError, ValueError):
            raise Refused(f"{host} is not connected to the bridge by a veth pair") from None
        if link.get_attr("IFLA_MASTER") != self._bridge:
            raise Refused(f"{host} is not connected to the bridge by a veth pair")
        name = link.get_attr("IFLA_IFNAME")
        for qdisc in self._netlink.get_qdiscs(index=index):
            kind = qdisc.get_attr("TCA_KIND")
            if kind != _EMPTY:
                raise Refused(
                    f"the port {name} of {host} has a qdisc {kind} already, so that somebody else shapes its traffic;"
                    f" remove it (tc qdisc del dev {name} ...), or run badwire clean if a lab was killed"
                )

    def _index_of(self, bridge: str) -> int:
        for link in self._netlink.get_links():
            if link.get_attr("IFLA_IFNAME") == bridge:
                return int(link["index"])
        raise Refused(f"there is no bridge {bridge} on the engine's machine")

    @contextmanager
    def _inside(self, namespace: int) -> Iterator[None]:
        """This process is in another network namespace during a ``with`` block."""
        libc.setns(namespace, libc.CLONE_NEWNET)
        try:
            yield
        finally:
            libc.setns(self._own_namespace, libc.CLONE_NEWNET)


def main(network: str) -> None:
    """Take note of the network, wait until the lab ends, and undo everything."""
    try:
        restorer = Restorer(Network.from_json(network))
    except (Refused, OSError) as error:
        _say(refused=str(error))
        return
    try:
        _say(noted=True)
        _wait_for_the_end()
    finally:
        restorer.restore()
    with suppress(OSError):  # the lab may be gone
        _say(restored=True)


def _say(**message: Any) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


def _wait_for_the_end() -> None:
    """Return when the lab asks for it or is gone, or when the process that it names has ended.

    The lab names the process of the wire's agent once that has started: a line with its number.
    """
    poll = select.poll()
    poll.register(0, select.POLLIN)
    received = b""
    while True:
        for fd, _ in poll.poll():
            if fd != 0:
                return
            data = os.read(0, 4096)
            if not data:
                return
            received += data
            *lines, received = received.split(b"\n")
            for line in lines:
                if line + b"\n" == RESTORE:
                    return
                try:
                    poll.register(os.pidfd_open(int(line)), select.POLLIN)
                except ProcessLookupError:
                    return


if __name__ == "__main__":
    main(sys.argv[1])
