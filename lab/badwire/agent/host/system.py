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
from typing import Any, NamedTuple

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
# Parts of a struct ifreq: the address in a struct sockaddr_in, and in a struct sockaddr of an Ethernet interface.
_SOCKADDR_IN_ADDRESS = slice(20, 24)
_SOCKADDR_MAC = slice(18, 24)
CLOCK_MONOTONIC_COARSE = 6
DOCKER_NAME_SERVER = "127.0.0.11"  # libnetwork, sandbox_dns_unix.go, resolverIPSandbox


class _Offload(NamedTuple):
    """An offload, and the commands of linux/ethtool.h that read and set it."""

    name: str
    get_command: int
    set_command: int


_OFFLOADS = (
    _Offload("tso", get_command=0x1E, set_command=0x1F),
    _Offload("gso", get_command=0x23, set_command=0x24),
    _Offload("gro", get_command=0x2B, set_command=0x2C),
    _Offload("tx-checksum", get_command=0x16, set_command=0x17),
)


def up(interface: str) -> None:
    """Bring an interface up."""
    request = struct.pack("16sH22x", interface.encode(), _IFF_UP | _IFF_RUNNING)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


def set_address(interface: str, address: str) -> None:
    """Give an interface its IPv4 address, such as ``10.0.0.2/24``."""
    parsed = ipaddress.IPv4Interface(address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFADDR, _address_request(interface, parsed.ip.packed))
        fcntl.ioctl(any_socket, _SIOCSIFNETMASK, _address_request(interface, parsed.netmask.packed))


def _address_request(interface: str, address: bytes) -> bytes:
    """A struct ifreq with an interface's name and a struct sockaddr_in (netdevice(7))."""
    return struct.pack("16sHH4s16x", interface.encode(), socket.AF_INET, 0, address)


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
    try:
        address = _query(interface, _SIOCGIFADDR)[_SOCKADDR_IN_ADDRESS]
        mask = _query(interface, _SIOCGIFNETMASK)[_SOCKADDR_IN_ADDRESS]
    except OSError:
        return None
    with_netmask = f"{socket.inet_ntoa(address)}/{socket.inet_ntoa(mask)}"
    return ipaddress.IPv4Interface(with_netmask).with_prefixlen


def interfaces() -> dict[str, dict[str, object]]:
    """The numbers and the address of the host's Ethernet interface, for the wire; empty if there is none."""
    try:
        ifindex = _query_int(INTERFACE, _SIOCGIFINDEX)
    except OSError:
        return {}
    iflink = None
    peer = Path("/sys/class/net") / INTERFACE / "iflink"  # in a container; elsewhere /sys may show another namespace
    if peer.exists():
        iflink = int(peer.read_text())
    return {INTERFACE: {"ifindex": ifindex, "iflink": iflink, "address": address_of(INTERFACE)}}


def turn_offloads_off(interface: str) -> dict[str, bool]:
    """Turn offloads off, so that a frame is one segment with a finished checksum; returns the state read back."""
    state: dict[str, bool] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for offload in _OFFLOADS:
            _ethtool(any_socket, interface, offload.set_command, 0)
            value = _ethtool(any_socket, interface, offload.get_command, 0)
            state[offload.name] = bool(value)
    return state


def _ethtool(any_socket: socket.socket, interface: str, command: int, value: int) -> int:
    """Execute an ethtool command; returns the value that the kernel left in it."""
    argument = array.array("I", [command, value])  # struct ethtool_value
    address, _ = argument.buffer_info()
    request = struct.pack("16sP16x", interface.encode(), address)
    fcntl.ioctl(any_socket, _SIOCETHTOOL, request)
    return argument[1]


def _query(interface: str, request: int) -> bytes:
    """The struct ifreq with which the kernel answers a request about an interface (netdevice(7))."""
    argument = struct.pack("16s24x", interface.encode())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return fcntl.ioctl(any_socket, request, argument)


def _query_int(interface: str, request: int) -> int:
    answer = _query(interface, request)
    (value,) = struct.unpack_from("i", answer, 16)
    return int(value)


def _sysctl_path(name: str) -> Path:
    return Path("/proc/sys") / name.replace(".", "/")


def read_sysctl(name: str) -> str:
    """The value of a sysctl, its fields separated by single spaces.

    Raises:
        BadOption: this kernel has no such sysctl.
    """
    try:
        value = _sysctl_path(name).read_text()
    except OSError as error:
        raise BadOption(
            f"sysctl {name} cannot be read on this kernel ({error.strerror}); see sysctl -a for its names"
        ) from None
    return " ".join(value.split())


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
    # The coarse clock ticks once a jiffy: its resolution is 1/CONFIG_HZ (kernel/time/posix-timers.c).
    jiffy = time.clock_getres(CLOCK_MONOTONIC_COARSE)
    mac = _query(interface, _SIOCGIFHWADDR)[_SOCKADDR_MAC]
    return {
        "release": platform.release(),
        "machine": platform.machine(),
        "hz": round(1 / jiffy),
        "mtu": _query_int(interface, _SIOCGIFMTU),
        "mac": mac.hex(":"),
        "sysctls": {name: read_sysctl(name) for name in sysctls if _sysctl_path(name).exists()},
    }


def counters() -> dict[str, int]:
    """The namespace's counters of /proc/net/snmp and /proc/net/netstat, named as ``Tcp.RetransSegs``.

    ``Lo.RxPackets`` is the number of packets that the loopback interface received, from /proc/net/dev.
    """
    found: dict[str, int] = {}
    for line in Path("/proc/net/dev").read_text().splitlines():
        interface, _, columns = line.partition(":")
        if interface.strip() == "lo":
            found["Lo.RxPackets"] = int(columns.split()[1])
    for file in ("snmp", "netstat"):
        lines = (Path("/proc/net") / file).read_text().splitlines()
        # Each group has two lines: "Tcp:" and the names of its counters, "Tcp:" and their values.
        for name_line, value_line in zip(lines[::2], lines[1::2], strict=True):
            group, *names = name_line.split()
            _, *values = value_line.split()
            prefix = group.rstrip(":")
            for name, value in zip(names, values, strict=True):
                found[f"{prefix}.{name}"] = int(value)
    return found


def processes() -> list[dict[str, Any]]:
    """Every process in this PID namespace, zombies included."""
    found: list[dict[str, Any]] = []
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        try:
            stat = (directory / "stat").read_text()
        except OSError:
            continue  # it has just ended
        # proc_pid_stat(5): the name stands in parentheses, and may contain any character.
        _, _, after_pid = stat.partition("(")
        name, _, fields = after_pid.rpartition(")")
        state, ppid, _process_group, session, *_ = fields.split()
        process = {
            "pid": int(directory.name),
            "ppid": int(ppid),
            "state": state,
            "name": name,
            "session": int(session),
        }
        found.append(process)
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
_RTAX_LOCK = 1  # a bit for each metric that the kernel may not change itself
# TCP uses a route's rto_min only if it is locked (net/ipv4/tcp_output.c, tcp_rto_min); ip-route(8) locks it too.
_LOCKED = frozenset({"rto_min"})
_RTM_NEWROUTE = 24
_NLM_F_REQUEST = 0x1
_NLM_F_ACK = 0x4
_NLM_F_REPLACE = 0x100
_NLM_F_CREATE = 0x400
_RT_TABLE_MAIN = 254
_RT_TABLE_LOCAL = 255  # asked before the main table
_RTPROT_KERNEL = 2
_RT_SCOPE_LINK = 253
_RT_SCOPE_HOST = 254
_RTN_UNICAST = 1
_RTN_UNREACHABLE = 7
_RTA_DST = 1
_RTA_OIF = 4
_RTA_PREFSRC = 7
_RTA_METRICS = 8
_NLMSG = struct.Struct("=IHHII")
_RTMSG = struct.Struct("=BBBBBBBBI")
_U32 = struct.Struct("=I")


def set_metrics(interface: str, address: str, metrics: Mapping[str, int]) -> None:
    """Set metrics of the route to an interface's network; ``address`` is the interface's, such as ``10.0.0.2/24``.

    Raises:
        BadOption: there is no such metric, or the kernel refuses its value.
        NoPermission: the agent has already dropped NET_ADMIN.
    """
    unknown = sorted(metrics.keys() - METRICS.keys())
    if unknown:
        known = ", ".join(METRICS)
        raise BadOption(f"a route has no metric {unknown[0]}; it has: {known}")
    own = ipaddress.IPv4Interface(address)
    prefix_length = own.network.prefixlen
    index = socket.if_nametoindex(interface)
    values = b""
    locked = 0
    for name, value in metrics.items():
        values += attribute(METRICS[name], _U32.pack(value))
        if name in _LOCKED:
            locked |= 1 << METRICS[name]
    if locked:
        values += attribute(_RTAX_LOCK, _U32.pack(locked))
    body = _RTMSG.pack(
        socket.AF_INET, prefix_length, 0, 0, _RT_TABLE_MAIN, _RTPROT_KERNEL, _RT_SCOPE_LINK, _RTN_UNICAST, 0
    )
    body += attribute(_RTA_DST, own.network.network_address.packed)
    body += attribute(_RTA_PREFSRC, own.ip.packed)
    body += attribute(_RTA_OIF, _U32.pack(index))
    body += attribute(_RTA_METRICS, values)
    number = _replace_route(body)
    if number == errno.EPERM:
        raise NoPermission("the route cannot be changed: the host's agent has dropped NET_ADMIN; set it at setup")
    if number:
        reason = os.strerror(number)
        listed = ", ".join(f"{name} {value}" for name, value in metrics.items())
        raise BadOption(f"the kernel refused the route metrics {listed}: {reason}; see ip-route(8)")


def refuse_name_server() -> None:
    """Make the name server that Docker gives a container unreachable, so that no lookup waits for it.

    It forwards what it does not know to servers that a lab does not reach. The names of the hosts are in /etc/hosts.
    """
    body = _RTMSG.pack(
        socket.AF_INET, 32, 0, 0, _RT_TABLE_LOCAL, _RTPROT_KERNEL, _RT_SCOPE_HOST, _RTN_UNREACHABLE, 0
    ) + attribute(_RTA_DST, socket.inet_aton(DOCKER_NAME_SERVER))
    number = _replace_route(body)
    if number:
        raise OSError(number, f"route to {DOCKER_NAME_SERVER}: {os.strerror(number)}")


def _replace_route(body: bytes) -> int:
    """Send RTM_NEWROUTE with this struct rtmsg and its attributes; returns the errno, 0 for success."""
    flags = _NLM_F_REQUEST | _NLM_F_REPLACE | _NLM_F_CREATE | _NLM_F_ACK
    header = _NLMSG.pack(_NLMSG.size + len(body), _RTM_NEWROUTE, flags, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(header + body)
        answer = netlink.recv(4096)
    (negative_errno,) = struct.unpack_from("=i", answer, _NLMSG.size)
    return -int(negative_errno)


def attribute(kind: int, value: bytes) -> bytes:
    """A netlink attribute (struct rtattr), padded to a multiple of 4 bytes."""
    length = 4 + len(value)
    header = struct.pack("=HH", length, kind)
    padding = bytes(-length % 4)
    return header + value + padding
