"""A relay port's connection to the kernel: the interface that it reads frames from, the socket that it sends on."""

import errno
import select
import socket
import struct
import time
from contextlib import suppress

from badwire.agent.host.system import up
from badwire.agent.relay.log import Log
from badwire.agent.relay.port import RelayPort
from badwire.linux.netlink import attribute

# Bytes: room for a burst of 1800 full frames, each of which the kernel counts as 2304. Not more, since the log reports
# the frames that an overrun relay loses, but not those that it delivers late.
_BUFFER = 4 << 20
_ATTEMPTS = 21  # to send to a receiver whose queue is full
_RETRY_AFTER = 0.0005  # seconds
_SO_SNDBUFFORCE = 32  # exceeds net.core.wmem_max; for root only
_SO_RCVBUFFORCE = 33  # exceeds net.core.rmem_max; for root only
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_PACKET_IGNORE_OUTGOING = 23
_ETH_P_ALL = 3

_RTM_NEWLINK = 16
_NLM_F_REQUEST_ACK = 0x5
_IFLA_INET6_ADDR_GEN_MODE = 8
_IFLA_AF_SPEC = 26
_ADDR_GEN_MODE_NONE = b"\x01"
_NLMSG = struct.Struct("=IHHII")
_IFINFOMSG = struct.Struct("=BxHiII")


class Interface:
    """A port with its two sockets, and the number of its frames that wait to be sent."""

    def __init__(self, port: RelayPort, inward: socket.socket, outward: socket.socket) -> None:
        self.port = port
        self.inward = inward
        self.outward = outward
        self.queued = 0

    def send(self, frame: bytes) -> int | None:
        """Send a frame; returns when, in ns, or None if it is lost.

        A receiver's full queue empties within microseconds, so this waits for it, as a link does. After any other error
        the frame is lost.
        """
        for _ in range(_ATTEMPTS):
            now = time_of_its_own()
            try:
                self.outward.send(frame)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.ENOBUFS):
                    return None
                select.select([], [], [], _RETRY_AFTER)
            else:
                return now
        return None

    def overrun(self) -> int:
        """The number of frames that the kernel dropped here since the last call, because the relay read too slowly."""
        statistics = self.inward.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        _, dropped = struct.unpack("=II", statistics)
        return int(dropped)


class WireSocket:
    """Sends the frames of the wire itself, which answer a host's frame, into the bridge.

    The bridge finds the port by the MAC address, so such a frame meets the faults toward that host like any other.
    """

    def __init__(self, log: Log) -> None:
        self.socket: socket.socket | None = None
        self._log = log

    def send(self, frame: bytes) -> None:
        """Send a frame; an error is ignored, since ICMP messages are not sent reliably (RFC 792)."""
        if self.socket is not None:
            now = time_of_its_own()
            with suppress(OSError):
                self.socket.send(frame)
                self._log.sent(now, frame)


def time_of_its_own() -> int:
    """The time of the frame that is sent next, in ns: on the virtual clock, one that no frame in the capture has.

    What the relay sends is in its own log and all else is in the capture, so only the times put the two in one order.
    On the virtual clock no time passes while a frame is sent, received and answered, but 256 ns pass whenever a program
    reads the clock (timer_read, arch/um/kernel/time.c). With one reading more, the answer is later than the frame.
    """
    now = time.monotonic_ns()  # later than every frame until now
    time.monotonic_ns()  # and every frame from now on is later
    return now


def open_interface(name: str) -> socket.socket:
    """Bring an interface up; returns a raw socket that reads every frame arriving there.

    Raises:
        OSError: there is no such interface in this network namespace, or this process may not configure it.
    """
    _disable_ipv6_address(socket.if_nametoindex(name))
    receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    receiver.setblocking(False)
    enlarge_buffer(receiver, socket.SO_RCVBUF, _SO_RCVBUFFORCE)
    receiver.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    receiver.bind((name, _ETH_P_ALL))
    up(name)
    return receiver


def enlarge_buffer(sock: socket.socket, option: int = socket.SO_SNDBUF, force: int = _SO_SNDBUFFORCE) -> None:
    """Set a socket's buffer to 4 MB, or to the system's limit where only root may exceed that."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, force, _BUFFER)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER)


def _disable_ipv6_address(index: int) -> None:
    """Give the interface no IPv6 address, for which it would send solicitations that no host sent (rtnetlink(7))."""
    mode = attribute(_IFLA_INET6_ADDR_GEN_MODE, _ADDR_GEN_MODE_NONE)
    inet6 = attribute(socket.AF_INET6, mode)
    body = _IFINFOMSG.pack(socket.AF_UNSPEC, 0, index, 0, 0)
    body += attribute(_IFLA_AF_SPEC, inet6)
    header = _NLMSG.pack(_NLMSG.size + len(body), _RTM_NEWLINK, _NLM_F_REQUEST_ACK, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.sendall(header + body)
        netlink.recv(4096)  # an error where the kernel has no IPv6, which then sends nothing anyway
