"""The route to the lab's network, and what its metrics tell TCP (ip-route(8): initcwnd, advmss, rto_min, …).

Built here and not with pyroute2, whose import would cost each container 20 MB. Layouts: include/uapi/linux/rtnetlink.h.
"""

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Mapping

from lab.errors import BadOption, NoPermission

# RTAX_*: include/uapi/linux/rtnetlink.h; rto_min in milliseconds, the others as ip-route(8) has them.
METRICS = {"mtu": 2, "window": 3, "rtt": 4, "rttvar": 5, "ssthresh": 6, "cwnd": 7, "advmss": 8}
METRICS |= {"reordering": 9, "hoplimit": 10, "initcwnd": 11, "rto_min": 13, "initrwnd": 14, "quickack": 15}

_NEWROUTE = 24
_REPLACE, _ACKED = 0x1 | 0x100 | 0x400, 0x4  # NLM_F_REQUEST, _REPLACE and _CREATE; NLM_F_ACK
_MAIN, _PROTO_KERNEL, _SCOPE_LINK, _UNICAST = 254, 2, 253, 1
_DST, _OIF, _PREFSRC, _METRICS = 1, 4, 7, 8  # RTA_*
_NLMSG = struct.Struct("=IHHII")
_RTMSG = struct.Struct("=BBBBBBBBI")


def set_metrics(interface: str, address: str, metrics: Mapping[str, int]) -> None:
    """Give the route of an interface with ``address`` (``10.0.0.2/24``) these metrics.

    Raises:
        BadOption: there is no such metric, or the kernel refuses its value.
        NoPermission: the right is gone.
    """
    if unknown := sorted(metrics.keys() - METRICS.keys()):
        raise BadOption(f"a route has no metric {unknown[0]}; it has: {', '.join(METRICS)}")
    at = ipaddress.IPv4Interface(address)
    numbers = b"".join(_attribute(METRICS[name], struct.pack("=I", value)) for name, value in metrics.items())
    body = _RTMSG.pack(socket.AF_INET, at.network.prefixlen, 0, 0, _MAIN, _PROTO_KERNEL, _SCOPE_LINK, _UNICAST, 0)
    body += _attribute(_DST, at.network.network_address.packed) + _attribute(_PREFSRC, at.ip.packed)
    body += _attribute(_OIF, struct.pack("=I", socket.if_nametoindex(interface))) + _attribute(_METRICS, numbers)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(_NLMSG.pack(_NLMSG.size + len(body), _NEWROUTE, _REPLACE | _ACKED, 1, 0) + body)
        number = -struct.unpack_from("=i", netlink.recv(4096), _NLMSG.size)[0]
    if number == errno.EPERM:
        raise NoPermission("the route cannot be changed: the host's agent has given up NET_ADMIN")
    if number:
        shown = ", ".join(f"{name} {value}" for name, value in metrics.items())
        raise BadOption(f"the route takes no {shown}: {os.strerror(number)}")


def _attribute(kind: int, value: bytes) -> bytes:
    size = 4 + len(value)
    return struct.pack("=HH", size, kind) + value + b"\0" * (-size % 4)
