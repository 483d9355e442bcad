"""The netlink requests of the wire about links, forwarding entries, and the qdiscs and filters of a redirected port.

Layouts and constants: linux/if_link.h, linux/veth.h, linux/neighbour.h, linux/pkt_sched.h, linux/pkt_cls.h,
linux/tc_act/tc_mirred.h.
"""

import socket
import struct

from badwire.linux.netlink import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_ECHO,
    NLM_F_EXCL,
    Request,
    attribute,
    attributes,
    nested,
)

RTM_NEWLINK = 16
_RTM_DELLINK = 17
_RTM_GETLINK = 18
_RTM_NEWNEIGH = 28
RTM_NEWQDISC = 36
_RTM_DELQDISC = 37
# With NLM_F_ECHO, else the answer goes only to those who listen for changes (net/sched/sch_api.c, qdisc_notify).
_RTM_GETQDISC = 38
_RTM_NEWTFILTER = 44
_RTM_DELTFILTER = 45

IFLA_IFNAME = 3
IFLA_LINK = 5
IFLA_QDISC = 6
IFLA_MASTER = 10
IFLA_OPERSTATE = 16
IFLA_LINKINFO = 18
IFLA_INFO_KIND = 1
IFLA_INFO_SLAVE_DATA = 5
IFLA_BRPORT_STATE = 1
_IFLA_ADDRESS = 1
_IFLA_MTU = 4
_IFLA_NET_NS_PID = 19
_IFLA_AF_SPEC = 26
_IFLA_EXT_MASK = 29
_RTEXT_FILTER_SKIP_STATS = 1 << 3
_IFLA_INFO_DATA = 2
_IFLA_BR_STP_STATE = 5
_IFLA_BR_MCAST_SNOOPING = 23
_VETH_INFO_PEER = 1
_IFLA_INET6_ADDR_GEN_MODE = 8
_IN6_ADDR_GEN_MODE_NONE = 1
_IFF_UP = 1
_NDA_LLADDR = 2
_NUD_NOARP = 0x40  # a static entry

TC_H_ROOT = 0xFFFFFFFF
TCA_KIND = 1
TCA_OPTIONS = 2
_TC_H_CLSACT = 0xFFFFFFF1
_CLSACT_HANDLE = 0xFFFF0000
_EGRESS = 0xFFFFFFF3  # the egress side of a clsact qdisc
_FIRST = 1  # the priority of the wire's filter
_ETH_P_ALL = 0x0003
_TCA_U32_SEL = 5
_TCA_U32_ACT = 7
_TC_U32_TERMINAL = 1
_TCA_ACT_KIND = 1
_TCA_ACT_OPTIONS = 2
_NLA_F_NESTED = 0x8000
_TCA_MIRRED_PARMS = 2
_TC_ACT_STOLEN = 4
_TCA_EGRESS_REDIR = 1

LINK = struct.Struct("=BxHiII")  # struct ifinfomsg
QDISC = struct.Struct("=BxxxiIII")  # struct tcmsg
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # struct ndmsg
_SELECTOR = struct.Struct("=BBBxHHhhI")  # struct tc_u32_sel
_KEY = struct.Struct("=IIii")  # struct tc_u32_key
_MIRRED = struct.Struct("=IIiiiiI")  # struct tc_mirred
_U8 = struct.Struct("=B")
_U32 = struct.Struct("=I")


def add_bridge(index: int, name: str, address: str, mtu: int) -> Request:
    """Make a bridge without spanning tree and multicast snooping, which would send frames and hold others back."""
    options = nested(
        _IFLA_INFO_DATA,
        attribute(_IFLA_BR_STP_STATE, _U32.pack(0)),
        attribute(_IFLA_BR_MCAST_SNOOPING, _U8.pack(0)),
    )
    body = _link(index) + _described(name, address, mtu)
    body += nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, b"bridge"), options)
    return Request(RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL)


def add_veth(
    name: str,
    mtu: int,
    *,
    peer_name: str,
    peer_pid: int,
    index: int = 0,
    address: str = "",
    peer_address: str = "",
) -> Request:
    """Make a veth pair, with the peer in the network namespace of a process.

    Args:
        index: of the end here; 0: the kernel chooses one.
        address: the MAC address of the end here; empty: the kernel chooses one.
    """
    peer = _link(0) + _described(peer_name, peer_address, mtu, peer_pid)
    data = nested(_IFLA_INFO_DATA, attribute(_VETH_INFO_PEER, peer))
    body = _link(index) + _described(name, address, mtu)
    body += nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, b"veth"), data)
    return Request(RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL)


def set_up(index: int) -> Request:
    """Bring a link up."""
    return Request(RTM_NEWLINK, _link(index, _IFF_UP))


def without_ipv6_address(index: int) -> Request:
    """Give a link no IPv6 address, for which it would send frames of its own. The kernel needs to have IPv6."""
    mode = attribute(_IFLA_INET6_ADDR_GEN_MODE, _U8.pack(_IN6_ADDR_GEN_MODE_NONE))
    return Request(RTM_NEWLINK, _link(index) + nested(_IFLA_AF_SPEC, attribute(socket.AF_INET6, mode)))


def set_master(index: int, bridge: int) -> Request:
    """Make a link a port of a bridge."""
    return Request(RTM_NEWLINK, _link(index) + attribute(IFLA_MASTER, _U32.pack(bridge)))


def delete_link(index: int) -> Request:
    return Request(_RTM_DELLINK, _link(index))


def get_link(index: int) -> Request:
    """Its answer is decoded by ``links.Link``."""
    return Request(_RTM_GETLINK, _link(index) + attribute(_IFLA_EXT_MASK, _U32.pack(_RTEXT_FILTER_SKIP_STATS)))


def add_forwarding_entry(index: int, address: str) -> Request:
    """Tell the bridge that a MAC address is behind this port."""
    body = _NEIGHBOUR.pack(socket.AF_BRIDGE, index, _NUD_NOARP, 0, 0) + attribute(_NDA_LLADDR, _mac(address))
    return Request(_RTM_NEWNEIGH, body, NLM_F_CREATE | NLM_F_APPEND)


def add_clsact(index: int) -> Request:
    return Request(RTM_NEWQDISC, _clsact(index), NLM_F_CREATE | NLM_F_EXCL)


def delete_clsact(index: int) -> Request:
    return Request(_RTM_DELQDISC, _clsact(index))


def get_clsact(index: int) -> Request:
    """Its answer is the link's clsact or ingress qdisc; the kernel refuses it if there never was one."""
    return Request(_RTM_GETQDISC, QDISC.pack(0, index, 0, _TC_H_CLSACT, 0), NLM_F_ECHO)


def get_root_qdisc(index: int) -> Request:
    """Its answer is empty if the root qdisc is the kernel's own."""
    return Request(_RTM_GETQDISC, QDISC.pack(0, index, 0, TC_H_ROOT, 0), NLM_F_ECHO)


def kind_of_qdisc(body: bytes) -> str:
    """The kind of the qdisc that an answer describes; empty if it is empty."""
    return attributes(body[QDISC.size :]).get(TCA_KIND, b"").rstrip(b"\0").decode()


def delete_root_qdisc(index: int) -> Request:
    return Request(_RTM_DELQDISC, QDISC.pack(0, index, 0, TC_H_ROOT, 0))


def redirect(index: int, to: int) -> Request:
    """Send every frame that leaves by a link through the link ``to`` instead; it needs a clsact qdisc."""
    mirred = attribute(_TCA_MIRRED_PARMS, _MIRRED.pack(0, 0, _TC_ACT_STOLEN, 0, 0, _TCA_EGRESS_REDIR, to))
    action = nested(1, attribute(_TCA_ACT_KIND, b"mirred\0"), nested(_TCA_ACT_OPTIONS | _NLA_F_NESTED, mirred))
    everything = _SELECTOR.pack(_TC_U32_TERMINAL, 0, 1, 0, 0, 0, 0, 0) + _KEY.pack(0, 0, 0, 0)
    options = nested(
        TCA_OPTIONS,
        attribute(_TCA_U32_ACT, action),
        attribute(_TCA_U32_SEL, everything),
    )
    return Request(_RTM_NEWTFILTER, _filter(index) + options, NLM_F_CREATE | NLM_F_EXCL)


def remove_redirect(index: int) -> Request:
    return Request(_RTM_DELTFILTER, _filter(index))


def _clsact(index: int) -> bytes:
    return QDISC.pack(0, index, _CLSACT_HANDLE, _TC_H_CLSACT, 0) + attribute(TCA_KIND, b"clsact\0")


def _filter(index: int) -> bytes:
    priority_and_protocol = _FIRST << 16 | socket.htons(_ETH_P_ALL)
    return QDISC.pack(0, index, 0, _EGRESS, priority_and_protocol) + attribute(TCA_KIND, b"u32\0")


def _link(index: int, flags: int = 0) -> bytes:
    """A struct ifinfomsg that sets these flags."""
    return LINK.pack(socket.AF_UNSPEC, 0, index, flags, flags)


def _described(name: str, address: str, mtu: int, pid: int | None = None) -> bytes:
    """The attributes of a new link; ``pid`` is a process in its namespace, None: it is in this one."""
    described = attribute(_IFLA_ADDRESS, _mac(address)) if address else b""
    described += attribute(_IFLA_MTU, _U32.pack(mtu))
    if pid is not None:
        described += attribute(_IFLA_NET_NS_PID, _U32.pack(pid))
    return described + attribute(IFLA_IFNAME, name.encode() + b"\0")


def _mac(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))
