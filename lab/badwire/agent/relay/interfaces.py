"""Where a port of the relay meets the kernel: the interface that frames come from, the socket that they leave by."""

import errno
import select
import socket
import struct
import time
from contextlib import suppress

from badwire.agent.host.system import up
from badwire.agent.relay.log import Log
from badwire.agent.relay.port import Port

# Bytes: room for a burst of 1800 full frames, each of which the kernel counts as 2304. Not more: what a relay that is
# overrun loses is told, but what it only delivers late is not.
_BUFFER = 4 << 20
_PATIENCE = 20  # times 0.5 ms, for a receiver whose queue is full
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33  # beyond net.core.?mem_max; for root only
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_IGNORE_OUTGOING = 263, 6, 23
_ETH_P_ALL = 3

_RTM_NEWLINK, _NLM_F_REQUEST_ACK = 16, 0x5
_IFLA_AF_SPEC, _IFLA_INET6_ADDR_GEN_MODE, _NO_ADDRESS = 26, 8, b"\x01"


class End:
    """A port with its two sockets, and how many of its frames wait."""

    def __init__(self, port: Port, inward: socket.socket, outward: socket.socket) -> None:
        self.port, self.inward, self.outward = port, inward, outward
        self.queued = 0

    def send_patiently(self, frame: bytes, error: OSError) -> bool:
        """A receiver's full queue empties within microseconds: wait, as a link does. Anything else is lost."""
        for _ in range(_PATIENCE if error.errno in (errno.EAGAIN, errno.ENOBUFS) else 0):
            select.select([], [], [], 0.0005)
            with suppress(OSError):
                self.outward.send(frame)
                return True
        return False

    def overrun(self) -> int:
        """Frames that the kernel dropped here since this was asked last, because nobody had read those before them."""
        counts = self.inward.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        return int(struct.unpack("=II", counts)[1])


class Voice:
    """What the wire itself sends, to the sender of a frame: by the bridge, which finds the port by the MAC address.

    So it meets the faults that are in force toward that host, like any other frame.
    """

    def __init__(self, log: Log) -> None:
        self.socket: socket.socket | None = None
        self._log = log

    def say(self, frame: bytes) -> None:
        """Send it, or be silent where the kernel takes none: such a message is never sent reliably (RFC 792)."""
        if self.socket is not None:
            now = time.monotonic_ns()
            with suppress(OSError):
                self.socket.send(frame)
                self._log.said(now, frame)


def open_end(name: str) -> socket.socket:
    """A raw socket that reads every frame arriving at this interface, which is brought up here.

    Raises:
        OSError: there is no such interface in this network namespace, or it may not be touched.
    """
    _keep_quiet(socket.if_nametoindex(name))
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    end.setblocking(False)
    enlarge(end, socket.SO_RCVBUF, _SO_RCVBUFFORCE)
    end.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    end.bind((name, _ETH_P_ALL))
    up(name)
    return end


def enlarge(sock: socket.socket, option: int = socket.SO_SNDBUF, force: int = _SO_SNDBUFFORCE) -> None:
    """A large buffer, as large as this process may have."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, force, _BUFFER)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _keep_quiet(index: int) -> None:
    """No IPv6 address: it would make the interface send solicitations, which are nobody's frames (rtnetlink(7))."""
    mode = _attribute(_IFLA_INET6_ADDR_GEN_MODE, _NO_ADDRESS)
    attributes = _attribute(_IFLA_AF_SPEC, _attribute(socket.AF_INET6, mode))
    body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, 0, 0) + attributes
    header = struct.pack("=IHHII", 16 + len(body), _RTM_NEWLINK, _NLM_F_REQUEST_ACK, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.sendall(header + body)
        netlink.recv(4096)  # refused where the kernel has no IPv6, and then there is nothing to keep quiet
