"""Leaves an existing network as it was: notes what the lab will change there, and undoes that at the end.

It is a process of its own, in a container of its own, so that it outlives every other process of the lab. It undoes
everything when it is asked to, when its input ends because the lab is gone, and when the wire's agent has ended.

Its argument is a `Network` as JSON; it answers with the network as it has noted it, as JSON in a line. With that as its
argument, another restorer can undo everything if this one is killed. Requests are lines:

    join      turn the offloads of the containers' interfaces off
    watch N   undo everything when the process N has ended, as the engine's machine numbers it
    program N        kill the process N, which the lab runs inside a container, when everything is undone
    signal N SIGINT  send a signal to such a process
    restore   undo everything

"join" and the undoing are answered with a line. A line "gone HOST" says that the container of a host has ended.
"""

import errno
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace

from badwire.agent.host import system
from badwire.agent.wire import links, requests
from badwire.linux import libc
from badwire.linux.netlink import Netlink, NetlinkError

JOIN = "join"
WATCH = "watch"
RESTORE = "restore"
PROGRAM = "program"
SIGNAL = "signal"
REFUSED = "refused: "  # how an answer begins that says why the network cannot be joined
GONE = "gone "  # how a line begins that names a host whose container has ended
_RELAY_LINK = "lab"  # how the names of the relay's links begin: agent/wire/bridge.py
_EMPTY = "noqueue"  # the qdisc of an interface without a queue, as a port of a bridge has it (net/sched/sch_generic.c)


@dataclass(frozen=True)
class Service:
    """A container that the lab joins.

    Attributes:
        pid: a process in its network namespace, as the engine's machine numbers it.
        address: its IPv4 address in the network, without a prefix length.
        interface: the name of the interface that has it; "" until it is noted.
        port: the index of the bridge's port for it; 0 until it is noted.
        offloads: the state of each of the interface's offloads before the lab came; empty until it is noted.
        namespace: the inode of its network namespace, since another process may have the same pid later; 0 until it is
            noted.
    """

    pid: int
    address: str
    interface: str = ""
    port: int = 0
    offloads: Mapping[str, bool] = field(default_factory=dict)
    namespace: int = 0


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

    @property
    def is_noted(self) -> bool:
        """Whether a restorer has noted its original state."""
        return all(service.port for service in self.services.values())


class Refused(Exception):
    """The network cannot be joined; the text is a sentence for the user."""


class Restorer:
    """Notes how a network is, and undoes what the lab changes in it.

    Attributes:
        network: the network as it was.

    Raises:
        Refused: a container or its port cannot be joined.
    """

    def __init__(self, network: Network) -> None:
        self._netlink = Netlink()
        self._own_namespace = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._programs: dict[int, int] = {}  # descriptors of processes, by their pids
        self._namespaces: dict[str, int] = {}  # descriptors; they keep a namespace whose container has ended
        for host, service in network.services.items():
            with suppress(OSError):
                namespace = os.open(f"/proc/{service.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                if service.namespace in (0, os.fstat(namespace).st_ino):
                    self._namespaces[host] = namespace
                else:
                    os.close(namespace)
        self.network = network
        if not network.is_noted:
            services = {host: self._noted(host, service, network) for host, service in network.services.items()}
            self.network = replace(network, services=services)

    def join(self) -> None:
        """Turn the offloads off, so that a frame on the wire is one segment.

        Raises:
            OSError: a container has ended.
        """
        for host, service in self.network.services.items():
            with self._inside(host):
                system.turn_offloads_off(service.interface)

    def add_program(self, pid: int) -> None:
        """Kill this process when everything is undone; another one that has its number later is left alone."""
        with suppress(ProcessLookupError):  # it has ended
            self._programs[pid] = os.pidfd_open(pid)

    def signal(self, pid: int, name: str) -> None:
        """Send a signal, by its name, to a process of ``add_program``."""
        if pid in self._programs:
            with suppress(ProcessLookupError):  # it has ended
                signal.pidfd_send_signal(self._programs[pid], signal.Signals[name])

    def restore(self) -> None:
        """Undo everything; what is gone already needs no undoing."""
        for pid in self._programs:
            self.signal(pid, "SIGKILL")
        for service in self.network.services.values():
            with suppress(NetlinkError):  # no fault was ever set toward this host, or the port is gone
                self._netlink.ask(requests.delete_clsact(service.port))
            with suppress(NetlinkError):
                # One of another kind has replaced the lab's, and is somebody else's.
                if links.find(self._netlink, service.port)[0].qdisc == "netem":
                    self._netlink.ask(requests.delete_root_qdisc(service.port))
        with suppress(Refused):
            bridge = self._index_of(self.network.bridge)
            for service in self.network.services.values():
                with suppress(OSError, NetlinkError):  # no fault toward this host needed the relay
                    link = socket.if_nametoindex(f"{_RELAY_LINK}{bridge}r{service.port}")
                    self._netlink.ask(requests.delete_link(link))
        for host, service in self.network.services.items():
            with suppress(OSError), self._inside(host):  # the interface goes with its container
                system.set_offloads(service.interface, service.offloads)

    def close(self) -> None:
        """Close the descriptors; a namespace whose container has ended is then gone, too."""
        self._netlink.close()
        for descriptor in (self._own_namespace, *self._namespaces.values(), *self._programs.values()):
            os.close(descriptor)

    def _noted(self, host: str, service: Service, network: Network) -> Service:
        if host not in self._namespaces:
            raise Refused(f"{host} cannot be joined: its process {service.pid} has ended, or cannot be seen")
        with self._inside(host):
            interface = system.interface_with(service.address)
            if interface is None:
                raise Refused(f"{host} has no interface with the address {service.address}")
            offloads = system.offloads(interface)
            netlink = Netlink()
            (link,) = links.find(netlink, socket.if_nametoindex(interface))
            netlink.close()
        if link.peer is None:
            raise Refused(f"{host} is not connected to the bridge by a veth pair")
        self._check_port(host, link.peer, self._index_of(network.bridge))
        inode = os.fstat(self._namespaces[host]).st_ino
        return replace(service, interface=interface, port=link.peer, offloads=offloads, namespace=inode)

    def _check_port(self, host: str, index: int, bridge: int) -> None:
        """Raise Refused unless this is a port of the bridge, and has no queueing discipline of anybody's."""
        try:
            (link,) = links.find(self._netlink, index)
        except NetlinkError:
            raise Refused(f"{host} is not connected to the bridge by a veth pair") from None
        if link.master != bridge:
            raise Refused(f"{host} is not connected to the bridge by a veth pair")
        kind = self._clsact_kind(index) if link.qdisc == _EMPTY else link.qdisc
        if kind:
            raise Refused(
                f"the port {link.name} of {host} has a qdisc {kind} already, so another lab or another tool shapes its"
                f" traffic; end that first (tc qdisc show dev {link.name}, badwire clean)"
            )

    def _clsact_kind(self, index: int) -> str:
        """The kind of the qdisc beside an interface's queue, "clsact" or "ingress"; empty if there is none."""
        try:
            (answer,) = self._netlink.ask(requests.get_clsact(index))
        except NetlinkError:  # ENOENT
            return ""
        return requests.kind_of_qdisc(answer)

    def _index_of(self, bridge: str) -> int:
        try:
            return socket.if_nametoindex(bridge)
        except OSError:
            raise Refused(f"there is no bridge {bridge} on the engine's machine") from None

    @contextmanager
    def _inside(self, host: str) -> Iterator[None]:
        """This process is in a host's network namespace during a ``with`` block. Raises OSError without the host."""
        if host not in self._namespaces:
            raise ProcessLookupError(errno.ESRCH, f"the process of {host} has ended")
        libc.setns(self._namespaces[host], libc.CLONE_NEWNET)
        try:
            yield
        finally:
            libc.setns(self._own_namespace, libc.CLONE_NEWNET)


def main(network: str) -> None:
    """Note the network, do what the lab asks, and undo everything when the lab ends."""
    try:
        restorer = Restorer(Network.from_json(network))
    except Refused as error:
        _say(f"{REFUSED}{error}")
        return
    try:
        _say(restorer.network.to_json())
        _serve(restorer)
    finally:
        restorer.restore()
        restorer.close()
    with suppress(OSError):  # the lab may be gone
        _say("restored")


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def _serve(restorer: Restorer) -> None:
    """Serve the lab's requests; returns when everything is to be undone."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    hosts: dict[int, str] = {}  # by the descriptor of the container's process, which is readable when that has ended
    for host, service in restorer.network.services.items():
        try:
            descriptor = os.pidfd_open(service.pid)
        except ProcessLookupError:
            _say(f"{GONE}{host}")
            continue
        hosts[descriptor] = host
        poll.register(descriptor, select.POLLIN)
    received = b""
    while True:
        for fd, _ in poll.poll():
            if fd in hosts:
                poll.unregister(fd)
                _say(f"{GONE}{hosts[fd]}")
                continue
            data = os.read(fd, 4096) if fd == 0 else b""  # any other is that of a process to be watched, now ended
            if not data:
                return
            *lines, received = (received + data).split(b"\n")
            for line in lines:
                request, _, argument = line.decode().partition(" ")
                if request == RESTORE:
                    return
                if request == JOIN:
                    restorer.join()
                    _say("joined")
                elif request == WATCH:
                    try:
                        poll.register(os.pidfd_open(int(argument)), select.POLLIN)
                    except ProcessLookupError:
                        return
                elif request == PROGRAM:
                    restorer.add_program(int(argument))
                elif request == SIGNAL:
                    pid, _, name = argument.partition(" ")
                    restorer.signal(int(pid), name)


if __name__ == "__main__":
    main(sys.argv[1])
