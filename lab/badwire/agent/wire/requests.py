"""The netlink requests of the wire about links, forwarding entries, and the qdiscs and filters of a redirected port."""

import socket
from typing import Any

from badwire.agent.wire.netlink import decoded, encoded, ifinfmsg, ndmsg, tcmsg
from badwire.linux.netlink import NLM_F_APPEND, NLM_F_CREATE, NLM_F_ECHO, NLM_F_EXCL, Request

# linux/rtnetlink.h
RTM_NEWLINK = 16
_RTM_DELLINK = 17
_RTM_GETLINK = 18
_RTM_NEWNEIGH = 28
RTM_NEWQDISC = 36
_RTM_DELQDISC = 37
_RTM_GETQDISC = 38
_RTM_NEWTFILTER = 44
_RTM_DELTFILTER = 45
_RTEXT_FILTER_SKIP_STATS = 1 << 3

# linux/if.h, linux/if_link.h, linux/neighbour.h
_IFF_UP = 1
_IN6_ADDR_GEN_MODE_NONE = 1
_NUD_NOARP = 0x40  # a static entry

# linux/pkt_sched.h, linux/pkt_cls.h, linux/tc_act/tc_mirred.h, linux/if_ether.h
TC_H_ROOT = 0xFFFFFFFF
_TC_H_CLSACT = 0xFFFFFFF1
_CLSACT_HANDLE = 0xFFFF0000
_EGRESS = 0xFFFFFFF3  # the egress side of a clsact qdisc
_FIRST = 1  # the priority of the wire's filter
_ETH_P_ALL = 0x0003
_EVERYTHING = "0x0/0x0+0"  # a u32 key: no bit of the word at offset 0 matters
_TC_ACT_STOLEN = 4
_TCA_EGRESS_REDIR = 1


def add_bridge(index: int, name: str, address: str, mtu: int) -> Request:
    """Make a bridge without spanning tree and multicast snooping, which would send frames and hold others back."""
    options = [("IFLA_BR_STP_STATE", 0), ("IFLA_BR_MCAST_SNOOPING", 0)]
    attributes = [*_described(name, address, mtu), _kind_of_link("bridge", options)]
    return Request(RTM_NEWLINK, encoded(ifinfmsg, index=index, attrs=attributes), NLM_F_CREATE | NLM_F_EXCL)


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
    peer = [*_described(peer_name, peer_address, mtu), ("IFLA_NET_NS_PID", peer_pid)]
    options = [("VETH_INFO_PEER", {"attrs": peer})]
    attributes = [*_described(name, address, mtu), _kind_of_link("veth", options)]
    return Request(RTM_NEWLINK, encoded(ifinfmsg, index=index, attrs=attributes), NLM_F_CREATE | NLM_F_EXCL)


def set_up(index: int) -> Request:
    """Bring a link up."""
    return Request(RTM_NEWLINK, encoded(ifinfmsg, index=index, flags=_IFF_UP, change=_IFF_UP))


def without_ipv6_address(index: int) -> Request:
    """Give a link no IPv6 address, for which it would send frames of its own. The kernel needs to have IPv6."""
    inet6 = {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", _IN6_ADDR_GEN_MODE_NONE)]}
    families = {"attrs": [("AF_INET6", inet6)]}
    return Request(RTM_NEWLINK, encoded(ifinfmsg, index=index, attrs=[("IFLA_AF_SPEC", families)]))


def set_master(index: int, bridge: int) -> Request:
    """Make a link a port of a bridge."""
    return Request(RTM_NEWLINK, encoded(ifinfmsg, index=index, attrs=[("IFLA_MASTER", bridge)]))


def delete_link(index: int) -> Request:
    return Request(_RTM_DELLINK, encoded(ifinfmsg, index=index))


def get_link(index: int) -> Request:
    """Its answer is decoded by ``links.Link``."""
    attributes = [("IFLA_EXT_MASK", _RTEXT_FILTER_SKIP_STATS)]
    return Request(_RTM_GETLINK, encoded(ifinfmsg, index=index, attrs=attributes))


def add_forwarding_entry(index: int, address: str) -> Request:
    """Tell the bridge that a MAC address is behind this port."""
    body = encoded(ndmsg, family=socket.AF_BRIDGE, ifindex=index, state=_NUD_NOARP, attrs=[("NDA_LLADDR", address)])
    return Request(_RTM_NEWNEIGH, body, NLM_F_CREATE | NLM_F_APPEND)


def add_clsact(index: int) -> Request:
    return Request(RTM_NEWQDISC, _clsact(index), NLM_F_CREATE | NLM_F_EXCL)


def delete_clsact(index: int) -> Request:
    return Request(_RTM_DELQDISC, _clsact(index))


def get_clsact(index: int) -> Request:
    """Its answer is the link's clsact or ingress qdisc; the kernel refuses it if there never was one."""
    return Request(_RTM_GETQDISC, encoded(tcmsg, index=index, parent=_TC_H_CLSACT), NLM_F_ECHO)


def get_root_qdisc(index: int) -> Request:
    """Its answer is empty if the root qdisc is the kernel's own."""
    return Request(_RTM_GETQDISC, encoded(tcmsg, index=index, parent=TC_H_ROOT), NLM_F_ECHO)


def kind_of_qdisc(body: bytes) -> str:
    """The kind of the qdisc that an answer describes; empty if it is empty."""
    if not body:
        return ""
    return str(decoded(tcmsg, body).get_attr("TCA_KIND"))


def delete_root_qdisc(index: int) -> Request:
    return Request(_RTM_DELQDISC, encoded(tcmsg, index=index, parent=TC_H_ROOT))


def redirect(index: int, to: int) -> Request:
    """Send every frame that leaves by a link through the link ``to`` instead; it needs a clsact qdisc."""
    parameters = {"eaction": _TCA_EGRESS_REDIR, "action": _TC_ACT_STOLEN, "ifindex": to}
    mirred = {"attrs": [("TCA_MIRRED_PARMS", parameters)]}
    action = {"attrs": [("TCA_ACT_KIND", "mirred"), ("TCA_ACT_OPTIONS", mirred)]}
    actions = {"attrs": [("TCA_ACT_PRIO_1", action)]}
    options = {"attrs": [("TCA_U32_ACT", actions), ("TCA_U32_SEL", {"keys": [_EVERYTHING]})]}
    body = _filter(index, [("TCA_OPTIONS", options)])
    return Request(_RTM_NEWTFILTER, body, NLM_F_CREATE | NLM_F_EXCL)


def remove_redirect(index: int) -> Request:
    return Request(_RTM_DELTFILTER, _filter(index, []))


def _clsact(index: int) -> bytes:
    return encoded(tcmsg, index=index, handle=_CLSACT_HANDLE, parent=_TC_H_CLSACT, attrs=[("TCA_KIND", "clsact")])


def _filter(index: int, more: list[tuple[str, Any]]) -> bytes:
    priority_and_protocol = _FIRST << 16 | socket.htons(_ETH_P_ALL)
    attributes = [("TCA_KIND", "u32"), *more]
    return encoded(tcmsg, index=index, parent=_EGRESS, info=priority_and_protocol, attrs=attributes)


def _described(name: str, address: str, mtu: int) -> list[tuple[str, Any]]:
    """The attributes of a new link."""
    own_address = [("IFLA_ADDRESS", address)] if address else []
    return [*own_address, ("IFLA_MTU", mtu), ("IFLA_IFNAME", name)]


def _kind_of_link(kind: str, options: list[tuple[str, Any]]) -> tuple[str, Any]:
    return "IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", kind), ("IFLA_INFO_DATA", {"attrs": options})]}
