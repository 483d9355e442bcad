"""Reads and sets what a host's kernel keeps: addresses, offloads, sysctls, routes, counters, processes.

By ioctl, /proc and netlink, and not with pyroute2, whose import would cost each container 20 MB. Layouts of netlink
messages: include/uapi/linux/rtnetlink.h.
"""

import array
import errno
import fcntl
import ipaddress
import os
import platform
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from badwire.errors import BadOption, NoPermission

INTERFACE = "eth0"
# linux/sockios.h
_SIOCDELRT = 0x890C
_SIOCSIFFLAGS = 0x8914
_SIOCGIFADDR = 0x8915
_SIOCSIFADDR = 0x8916
_SIOCGIFNETMASK = 0x891B
_SIOCSIFNETMASK = 0x891C
_SIOCGIFMTU = 0x8921
_SIOCGIFHWADDR = 0x8927
_SIOCGIFINDEX = 0x8933
_SIOCETHTOOL = 0x8946
_RTF_UP = 0x1  # linux/route.h
_IFF_UP = 0x1  # linux/if.h
_IFF_RUNNING = 0x40
# linux/ethtool.h: the commands that read and set each offload
_OFFLOADS = {
    "tso": (0x1E, 0x1F),
    "gso": (0x23, 0x24),
    "gro": (0x2B, 0x2C),
    "tx-checksum": (0x16, 0x17),
}
CLOCK_MONOTONIC_COARSE = 6


def up(interface: str) -> None:
    """Bring an interface up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH22x", interface.encode(), _IFF_UP | _IFF_RUNNING))


def set_address(interface: str, address: str) -> None:
    """Give an interface its IPv4 address, such as ``10.0.0.2/24``."""
    ip, _, prefix = address.partition("/")
    mask = struct.pack("!I", (0xFFFFFFFF << (32 - int(prefix))) & 0xFFFFFFFF)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for request, value in ((_SIOCSIFADDR, socket.inet_aton(ip)), (_SIOCSIFNETMASK, mask)):
            fcntl.ioctl(any_socket, request, struct.pack("16sHH4s16x", interface.encode(), socket.AF_INET, 0, value))


def remove_default_route() -> None:
    """Remove the default route, which Docker gives a container even on an internal network."""
    anywhere = struct.pack("H14x", socket.AF_INET)
    route = struct.pack("8x16s16s16sH62x", anywhere, anywhere, anywhere, _RTF_UP)  # struct rtentry, linux/route.h
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            fcntl.ioctl(any_socket, _SIOCDELRT, route)
        except ProcessLookupError:  # ESRCH: there is no such route
            return


def address_of(interface: str) -> str | None:
    """The interface's IPv4 address with its prefix, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            ip, mask = (
                fcntl.ioctl(any_socket, request, struct.pack("16s24x", interface.encode()))[20:24]
                for request in (_SIOCGIFADDR, _SIOCGIFNETMASK)
            )
        except OSError:
            return None
    return f"{socket.inet_ntoa(ip)}/{int.from_bytes(mask, 'big').bit_count()}"


def interfaces() -> dict[str, dict[str, object]]:
    """The numbers and the address of the host's Ethernet interface, for the wire; empty if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            answer = fcntl.ioctl(any_socket, _SIOCGIFINDEX, struct.pack("16s24x", INTERFACE.encode()))
        except OSError:
            return {}
    peer = Path("/sys/class/net") / INTERFACE / "iflink"  # in a container; elsewhere /sys may show another namespace
    return {
        INTERFACE: {
            "ifindex": struct.unpack_from("i", answer, 16)[0],
            "iflink": int(peer.read_text()) if peer.exists() else None,
            "address": address_of(INTERFACE),
        }
    }


def turn_offloads_off(interface: str) -> dict[str, bool]:
    """Turn offloads off, so that a frame is one segment with a finished checksum; returns the state read back."""
    state: dict[str, bool] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for name, (get, set_) in _OFFLOADS.items():
            _ethtool(any_socket, interface, set_, 0)
            state[name] = bool(_ethtool(any_socket, interface, get, 0))
    return state


def _ethtool(any_socket: socket.socket, interface: str, command: int, value: int) -> int:
    argument = array.array("I", [command, value])
    fcntl.ioctl(any_socket, _SIOCETHTOOL, struct.pack("16sP16x", interface.encode(), argument.buffer_info()[0]))
    return argument[1]


def _ask_interface(interface: str, request: int) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return fcntl.ioctl(any_socket, request, struct.pack("16s24x", interface.encode()))


def _sysctl_path(name: str) -> Path:
    return Path("/proc/sys") / name.replace(".", "/")


def read_sysctl(name: str) -> str:
    """The value of a sysctl, its fields separated by single spaces.

    Raises:
        BadOption: this kernel has no such sysctl.
    """
    try:
        return " ".join(_sysctl_path(name).read_text().split())
    except OSError as error:
        raise BadOption(
            f"sysctl {name} cannot be read on this kernel ({error.strerror}); see sysctl -a for its names"
        ) from None


def write_sysctl(name: str, value: str) -> None:
    """Set one sysctl of this network namespace.

    Raises:
        BadOption: this kernel has no such sysctl, or refuses the value.
        NoPermission: the kernel allows it in the initial network namespace only.
    """
    try:
        _sysctl_path(name).write_text(f"{value}\n")
    except PermissionError as error:
        raise NoPermission(
            f"sysctl {name}={value} was refused ({error.strerror}); this kernel allows it in the initial namespace only"
        ) from None
    except OSError as error:
        raise BadOption(f"sysctl {name}={value} cannot be set ({error.strerror}); check its name and range") from None


def facts(interface: str, sysctls: list[str]) -> dict[str, object]:
    """What a claim's expectation may depend on: kernel, machine, MTU, MAC address, sysctls."""
    return {
        "release": platform.release(),
        "machine": platform.machine(),
        # The coarse clock ticks once a jiffy: its resolution is 1/CONFIG_HZ (kernel/time/posix-timers.c).
        "hz": round(1 / time.clock_getres(CLOCK_MONOTONIC_COARSE)),
        "mtu": struct.unpack_from("i", _ask_interface(interface, _SIOCGIFMTU), 16)[0],
        "mac": _ask_interface(interface, _SIOCGIFHWADDR)[18:24].hex(":"),
        "sysctls": {name: read_sysctl(name) for name in sysctls if _sysctl_path(name).exists()},
    }


def counters() -> dict[str, int]:
    """The namespace's counters of /proc/net/snmp and /proc/net/netstat, named as ``Tcp.RetransSegs``."""
    found: dict[str, int] = {}
    for file in ("snmp", "netstat"):
        lines = (Path("/proc/net") / file).read_text().splitlines()
        for names, values in zip(lines[::2], lines[1::2], strict=True):
            group, _, keys = names.partition(": ")
            found.update(zip((f"{group}.{key}" for key in keys.split()), map(int, values.split()[1:]), strict=True))
    return found


def processes() -> list[dict[str, Any]]:
    """Every process in this PID namespace, zombies included."""
    found: list[dict[str, Any]] = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue  # it has just ended
        name, _, rest = stat.partition("(")[2].rpartition(")")
        state, ppid, _, session = rest.split()[:4]
        found.append(
            {"pid": int(folder.name), "ppid": int(ppid), "state": state, "name": name, "session": int(session)}
        )
    return found


# RTAX_*: include/uapi/linux/rtnetlink.h; rto_min in milliseconds, the others as ip-route(8) has them.
METRICS = {
    "mtu": 2,
    "window": 3,
    "rtt": 4,
    "rttvar": 5,
    "ssthresh": 6,
    "cwnd": 7,
    "advmss": 8,
    "reordering": 9,
    "hoplimit": 10,
    "initcwnd": 11,
    "rto_min": 13,
    "initrwnd": 14,
    "quickack": 15,
}
_RTM_NEWROUTE = 24
_NLM_F_REQUEST = 0x1
_NLM_F_ACK = 0x4
_NLM_F_REPLACE = 0x100
_NLM_F_CREATE = 0x400
_RT_TABLE_MAIN = 254
_RTPROT_KERNEL = 2
_RT_SCOPE_LINK = 253
_RTN_UNICAST = 1
_RTA_DST = 1
_RTA_OIF = 4
_RTA_PREFSRC = 7
_RTA_METRICS = 8
_NLMSG = struct.Struct("=IHHII")
_RTMSG = struct.Struct("=BBBBBBBBI")


def set_metrics(interface: str, address: str, metrics: Mapping[str, int]) -> None:
    """Set metrics of the route to an interface's network; ``address`` is the interface's, such as ``10.0.0.2/24``.

    Raises:
        BadOption: there is no such metric, or the kernel refuses its value.
        NoPermission: the agent has already dropped NET_ADMIN.
    """
    if unknown := sorted(metrics.keys() - METRICS.keys()):
        raise BadOption(f"a route has no metric {unknown[0]}; it has: {', '.join(METRICS)}")
    own = ipaddress.IPv4Interface(address)
    prefix_length = own.network.prefixlen
    values = b"".join(_attribute(METRICS[name], struct.pack("=I", value)) for name, value in metrics.items())
    body = _RTMSG.pack(
        socket.AF_INET, prefix_length, 0, 0, _RT_TABLE_MAIN, _RTPROT_KERNEL, _RT_SCOPE_LINK, _RTN_UNICAST, 0
    )
    body += _attribute(_RTA_DST, own.network.network_address.packed)
    body += _attribute(_RTA_PREFSRC, own.ip.packed)
    body += _attribute(_RTA_OIF, struct.pack("=I", socket.if_nametoindex(interface)))
    body += _attribute(_RTA_METRICS, values)
    flags = _NLM_F_REQUEST | _NLM_F_REPLACE | _NLM_F_CREATE | _NLM_F_ACK
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(_NLMSG.pack(_NLMSG.size + len(body), _RTM_NEWROUTE, flags, 1, 0) + body)
        number = -struct.unpack_from("=i", netlink.recv(4096), _NLMSG.size)[0]
    if number == errno.EPERM:
        raise NoPermission("the route cannot be changed: the host's agent has dropped NET_ADMIN; set it at setup")
    if number:
        shown = ", ".join(f"{name} {value}" for name, value in metrics.items())
        raise BadOption(f"the kernel refused the route metrics {shown}: {os.strerror(number)}; see ip-route(8)")


def _attribute(kind: int, value: bytes) -> bytes:
    size = 4 + len(value)
    return struct.pack("=HH", size, kind) + value + b"\0" * (-size % 4)
