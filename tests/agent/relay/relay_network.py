"""Two hosts on a bridge with a relay, in namespaces made by this process, for the relay's tests and benchmark.

One process sees all of it: it opens each socket inside the host's network namespace and keeps it.
"""

import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from badwire.agent.host import system
from badwire.agent.relay.process import Relay
from badwire.agent.wire import requests
from badwire.agent.wire.bridge import Bridge
from badwire.agent.wire.netlink import encoded, ifinfmsg
from badwire.linux import libc
from badwire.linux.netlink import Request

SERVER, CLIENT = "10.0.0.2", "10.0.0.3"
PACKET_QDISC_BYPASS = 20
SOL_PACKET = 263


def enter_namespaces() -> None:
    """A network of our own, as root or through a user namespace; OSError where neither is allowed."""
    try:
        libc.unshare(libc.CLONE_NEWNET)
    except PermissionError:
        user, group = os.geteuid(), os.getegid()
        libc.unshare(libc.CLONE_NEWNET | libc.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _turn_ipv6_off() -> None:
    """With it an interface reports its multicast groups in its first seconds (RFC 3810), and the tests count frames."""
    if Path("/proc/sys/net/ipv6").exists():
        for interfaces in ("all", "default"):
            system.write_sysctl(f"net.ipv6.conf.{interfaces}.disable_ipv6", "1")


def _set_down(index: int) -> Request:
    up = 1  # linux/if.h IFF_UP, the only flag that changes, to 0
    return Request(requests.RTM_NEWLINK, encoded(ifinfmsg, index=index, flags=0, change=up))


class HostNetwork:
    """A bridge with ``server`` and ``client``, and a relay in front of the server that is not yet in the way."""

    def __init__(self) -> None:
        self._undo = ExitStack()
        self._namespaces: dict[str, int] = {}

    def __enter__(self) -> Self:
        enter_namespaces()
        self.bridge = Bridge(None, 1500)
        self._undo.callback(self.bridge.close)
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._namespaces["wire"] = home
        for name, address in (("server", SERVER), ("client", CLIENT)):
            libc.unshare(libc.CLONE_NEWNET)
            self._namespaces[name] = os.open("/proc/self/ns/net", os.O_RDONLY)
            _turn_ipv6_off()
            theirs = self._holder()
            libc.setns(home, libc.CLONE_NEWNET)
            self.bridge.make_ports({name: theirs})
            with self.inside(name):
                system.up("lo")
                system.turn_offloads_off("eth0")
                system.set_address("eth0", f"{address}/24")
                system.up("eth0")
        self.bridge.wait_until_open()
        self.relay = Relay().start()
        self._undo.callback(self.relay.close)
        self.port = self.bridge.ports["server"]
        (pair,) = self.bridge.make_relay_pairs([self.port], self.relay.pid)
        self.index = pair.index
        # A veth end that is up before its peer is not opened by the peer, but by a later work item of the kernel
        # (linkwatch), and drops what is sent until then. So ours is taken down, and up again when the relay's is up.
        self.bridge.netlink.ask(_set_down(self.index))
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as tx:
            tx.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
            tx.bind((self.port.name, 0))
            self.relay.add_port("server", tx, pair.relay_end)
        self.bridge.netlink.ask(requests.set_up(self.index))
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _holder(self) -> int:
        """A process in the namespace that we are in, for the bridge to find it by; it ends with us."""
        ours, theirs = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(theirs)
            os.read(ours, 1)
            os._exit(0)
        os.close(ours)
        self._undo.callback(os.waitpid, pid, 0)
        self._undo.callback(os.close, theirs)
        return pid

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Within this block new sockets belong to that host, or to the "wire"."""
        libc.setns(self._namespaces[name], libc.CLONE_NEWNET)
        try:
            yield
        finally:
            libc.setns(self._namespaces["wire"], libc.CLONE_NEWNET)

    def udp(self, name: str, port: int = 0) -> socket.socket:
        """A bound UDP socket on a host, which waits 5 s at most for a datagram."""
        with self.inside(name):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("", port))
        sock.settimeout(5)
        self._undo.callback(sock.close)
        return sock

    def redirect(self) -> None:
        """From now on frames toward the server go through the relay."""
        self.bridge.redirect({self.port: self.index})

    def remove_redirect(self) -> None:
        self.bridge.remove_redirect([self.port])

    def fault(self, *faults: Any, seed: int = 1) -> int:
        """Put these faults toward the server in force."""
        return self.relay.set({"server": [fault.to_json() for fault in faults]}, seed, {})


def in_a_child(work: Callable[[], None]) -> int:
    """Do it in a process of its own, whose namespaces vanish with it; returns its exit status."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)
