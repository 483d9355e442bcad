"""Reads and sets what a host's kernel keeps: addresses, offloads, sysctls, routes, counters, processes.

By ioctl, /proc and netlink. Layouts of netlink messages: include/uapi/linux/rtnetlink.h.
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
from badwire.linux.netlink import attribute

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


def has_ipv6() -> bool:
    """Whether the kernel has IPv6; it may have been built or booted without it."""
    return Path("/proc/sys/net/ipv6/conf").exists()


def add_address(interface: str, address: str) -> None:
    """Give an interface one more address, ``10.0.0.3/24`` or ``fd00::2/64``, which can be used at once.

    Raises:
        OSError: the kernel refuses it.
    """
    _change_address(_RTM_NEWADDR, _NLM_F_REPLACE | _NLM_F_CREATE, interface, address)


def remove_address6(interface: str, address: str) -> None:
    """Take an IPv6 address away from an interface. Raises OSError if the kernel refuses."""
    _change_address(_RTM_DELADDR, 0, interface, address)


def tentative(interface: str) -> list[str]:
    """The interface's IPv6 addresses that still undergo duplicate address detection, such as ``fe80::1/64``.

    An engine brings an interface up before the sysctl that turns the detection off is set.
    """
    found = []
    for line in Path("/proc/net/if_inet6").read_text().splitlines():
        digits, _index, prefix_length, _scope, flags, name = line.split()
        if name == interface and int(flags, 16) & _IFA_F_TENTATIVE:
            address = ipaddress.IPv6Address(bytes.fromhex(digits))
            found.append(f"{address}/{int(prefix_length, 16)}")
    return found


def _change_address(kind: int, flags: int, interface: str, address: str) -> None:
    parsed = ipaddress.ip_interface(address)
    index = socket.if_nametoindex(interface)
    family, of_address = (socket.AF_INET, 0) if parsed.version == 4 else (socket.AF_INET6, _IFA_F_NODAD)
    body = _IFADDRMSG.pack(family, parsed.network.prefixlen, of_address, _RT_SCOPE_UNIVERSE, index)
    body += attribute(_IFA_LOCAL, parsed.ip.packed)
    body += attribute(_IFA_ADDRESS, parsed.ip.packed)
    number = _change(kind, flags, body)
    if number:
        raise OSError(number, os.strerror(number), f"{interface} {address}")


def _change(kind: int, flags: int, body: bytes) -> int:
    """Ask the kernel for a change by rtnetlink(7); returns the errno of its answer, 0 if it was made."""
    header = _NLMSG.pack(_NLMSG.size + len(body), kind, _NLM_F_REQUEST | _NLM_F_ACK | flags, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(header + body)
        answer = netlink.recv(4096)
    (negative_errno,) = struct.unpack_from("=i", answer, _NLMSG.size)
    return -int(negative_errno)


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


def interface_with(address: str) -> str | None:
    """The name of the interface with this IPv4 address, without a prefix length; None if there is none."""
    for _, name in socket.if_nameindex():
        own = address_of(name)
        if own is not None and own.partition("/")[0] == address:
            return name
    return None


def numbers(interface: str) -> dict[str, object]:
    """The numbers and the addresses of an Ethernet interface, for the wire; empty if there is no such interface."""
    try:
        ifindex = _query_int(interface, _SIOCGIFINDEX)
    except OSError:
        return {}
    iflink = None
    peer = Path("/sys/class/net") / interface / "iflink"  # in a container; elsewhere /sys may show another namespace
    if peer.exists():
        iflink = int(peer.read_text())
    return {"ifindex": ifindex, "iflink": iflink, "address": address_of(interface), "mac": _mac(interface).hex(":")}


def _mac(interface: str) -> bytes:
    return _query(interface, _SIOCGIFHWADDR)[_SOCKADDR_MAC]


def turn_offloads_off(interface: str) -> dict[str, bool]:
    """Turn offloads off, so that a frame is one segment with a finished checksum; returns the state read back."""
    set_offloads(interface, {offload.name: False for offload in _OFFLOADS})
    return offloads(interface)


def set_offloads(interface: str, state: Mapping[str, bool]) -> None:
    """Turn each of the offloads on or off. Raises OSError if the kernel refuses, or has no such interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        # In reverse, since segmentation needs checksums: the kernel turns it off, or refuses it, without them.
        for offload in reversed(_OFFLOADS):
            _ethtool(any_socket, interface, offload.set_command, int(state[offload.name]))


def offloads(interface: str) -> dict[str, bool]:
    """The state of each offload, by its name. Raises OSError if the kernel has no such interface."""
    state: dict[str, bool] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for offload in _OFFLOADS:
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
            f"sysctl {name} cannot be read on this kernel ({error.strerror}); `sysctl -a` lists those that it has"
        ) from None
    return " ".join(value.split())


def has_group(group: int) -> bool:
    """Whether a group exists in the user namespace of this process (user_namespaces(7))."""
    for line in Path("/proc/self/gid_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= group < first + count:
            return True
    return False


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
            f"sysctl {name}={value} was refused ({error.strerror}); this kernel allows it in the initial"
            " network namespace only; leave it out"
        ) from None
    except OSError as error:
        raise BadOption(f"sysctl {name}={value} cannot be set ({error.strerror}); check its name and range") from None


def facts(interface: str, sysctls: list[str]) -> dict[str, object]:
    """What a claim's expectation may depend on: kernel, machine, MTU, MAC address, sysctls."""
    # The coarse clock ticks once a jiffy: its resolution is 1/CONFIG_HZ (kernel/time/posix-timers.c).
    jiffy = time.clock_getres(CLOCK_MONOTONIC_COARSE)
    return {
        "release": platform.release(),
        "machine": platform.machine(),
        "hz": round(1 / jiffy),
        "mtu": _query_int(interface, _SIOCGIFMTU),
        "mac": _mac(interface).hex(":"),
        "sysctls": {name: read_sysctl(name) for name in sysctls if _sysctl_path(name).exists()},
    }


def counters() -> dict[str, int]:
    """The namespace's counters of /proc/net/snmp and /proc/net/netstat, named as ``Tcp.RetransSegs``.

    Where an interface has an IPv6 address, those of /proc/net/snmp6 too, named as ``Udp6.InErrors``; TCP counts both
    versions together, under ``Tcp``. ``Lo.RxPackets`` is the number of packets that the loopback interface received,
    from /proc/net/dev.
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
    if has_ipv6() and Path("/proc/net/if_inet6").read_text():
        found.update(_counters6())
    return found


def _counters6() -> dict[str, int]:
    """The counters of /proc/net/snmp6, which has one a line: ``Udp6InErrors 0``."""
    found: dict[str, int] = {}
    for line in Path("/proc/net/snmp6").read_text().splitlines():
        name, value = line.split()
        for group in _GROUPS6:
            if name.startswith(group):
                found[f"{group}.{name.removeprefix(group)}"] = int(value)
    return found


def pid_of_its_own(pid: int) -> int:
    """The number that a process of ours has in its own PID namespace (NSpid in proc_pid_status(5))."""
    if os.readlink("/proc/self") != str(os.getpid()):
        return pid  # this /proc is of an outer namespace: in a container that lets nobody mount another
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name == "NSpid":
            return int(numbers.split()[-1])
    return pid


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
        # proc_pid_stat(5): the name is in parentheses, and may contain any character.
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


_GROUPS6 = ("Ip6", "Icmp6", "Udp6", "UdpLite6")

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
_RTA_PRIORITY = 6
_RTA_PREFSRC = 7
_RTA_METRICS = 8
_PREFIX_ROUTE = 256  # priority of the route that comes with an IPv6 address: net/ip6_route.h IP6_RT_PRIO_ADDRCONF
_NLMSG = struct.Struct("=IHHII")
_RTMSG = struct.Struct("=BBBBBBBBI")
_U32 = struct.Struct("=I")
_IFADDRMSG = struct.Struct("=BBBBI")  # linux/if_addr.h, with the constants below
_RTM_NEWADDR = 20
_RTM_DELADDR = 21
_RT_SCOPE_UNIVERSE = 0
_IFA_ADDRESS = 1
_IFA_LOCAL = 2
_IFA_F_NODAD = 0x02
_IFA_F_TENTATIVE = 0x40


def set_metrics(interface: str, address: str, metrics: Mapping[str, int]) -> None:
    """Set metrics of the route to an interface's network.

    ``address`` is the interface's, of IPv4 or IPv6, such as ``10.0.0.2/24``.

    Raises:
        BadOption: there is no such metric, or the kernel refuses its value.
        NoPermission: the agent has already dropped NET_ADMIN.
    """
    unknown = sorted(metrics.keys() - METRICS.keys())
    if unknown:
        known = ", ".join(METRICS)
        raise BadOption(f"a route has no metric {unknown[0]}; it has: {known}")
    own = ipaddress.ip_interface(address)
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
    family, scope = (socket.AF_INET, _RT_SCOPE_LINK) if own.version == 4 else (socket.AF_INET6, _RT_SCOPE_UNIVERSE)
    body = _RTMSG.pack(family, prefix_length, 0, 0, _RT_TABLE_MAIN, _RTPROT_KERNEL, scope, _RTN_UNICAST, 0)
    body += attribute(_RTA_DST, own.network.network_address.packed)
    if own.version == 4:
        body += attribute(_RTA_PREFSRC, own.ip.packed)
    else:
        body += attribute(_RTA_PRIORITY, _U32.pack(_PREFIX_ROUTE))
    body += attribute(_RTA_OIF, _U32.pack(index))
    body += attribute(_RTA_METRICS, values)
    number = _change(_RTM_NEWROUTE, _NLM_F_REPLACE | _NLM_F_CREATE, body)
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
    number = _change(_RTM_NEWROUTE, _NLM_F_REPLACE | _NLM_F_CREATE, body)
    if number:
        raise OSError(number, f"route to {DOCKER_NAME_SERVER}: {os.strerror(number)}")
