"""The wire's netlink requests, compared with what iproute2 sends for the same change.

The messages were recorded with ``strace -e trace=sendmsg -e write=3,4`` from iproute2 6.1.0 on Linux 6.18, with the
links br0 and p1 of the indices below; the sequence number (bytes 8 to 11) is set to zero. Beside each stand the
arguments.
"""

import os
import socket
from typing import Any

import pytest
from pyroute2.netlink import nlmsg_base

from badwire.agent.wire import links, requests
from badwire.agent.wire.netlink import decoded, ifinfmsg, tcmsg
from badwire.linux import libc
from badwire.linux.fork import fork
from badwire.linux.netlink import Netlink, NetlinkError, Request, attribute, attributes, nested
from badwire.pytest_plugin import require
from tests.agent.wire.wire_network import why_not

HEADER = 16  # bytes: struct nlmsghdr
TYPE_AND_FLAGS = slice(4, 8)  # of a header
OF_TRAFFIC_CONTROL = range(36, 47)  # RTM_NEWQDISC to RTM_GETTFILTER
BRIDGE = 1000
PORT = 1001
PID = 12345

RECORDED: dict[str, tuple[Request, str]] = {
    "link add br0 index 1000 address 02:00:00:00:00:00 mtu 1500 type bridge stp_state 0 mcast_snooping 0": (
        requests.add_bridge(BRIDGE, "br0", "02:00:00:00:00:00", 1500),
        "6000000010000506000000000000000000000000e803000000000000000000000a000100020000000000000008000400dc050000"
        "0800030062723000240012000a00010062726964676500001400020008000500000000000500170000000000",
    ),
    "link add p1 index 1001 address 02:00:00:01:00:01 mtu 1500 type veth peer name eth9 address 02:00:00:00:00:01"
    " mtu 1500 netns 12345": (
        requests.add_veth(
            "p1",
            1500,
            index=PORT,
            address="02:00:00:01:00:01",
            peer_name="eth9",
            peer_pid=PID,
            peer_address="02:00:00:00:00:01",
        ),
        "8800000010000506000000000000000000000000e903000000000000000000000a000100020000010001000008000400dc050000"
        "07000300703100004c0012000800010076657468400002003c000100000000000000000000000000000000000a00010002000000"
        "0001000008000400dc0500000800130039300000090003006574683900000000",
    ),
    "link set p1 addrgenmode none": (
        requests.without_ipv6_address(PORT),
        "3000000010000500000000000000000000000000e9030000000000000000000010001a000c000a000500080001000000",
    ),
    "link set p1 master br0": (
        requests.set_master(PORT, BRIDGE),
        "2800000010000500000000000000000000000000e9030000000000000000000008000a00e8030000",
    ),
    "link set p1 up": (
        requests.set_up(PORT),
        "2000000010000500000000000000000000000000e90300000100000001000000",
    ),
    "link del p1": (
        requests.delete_link(PORT),
        "2000000011000500000000000000000000000000e90300000000000000000000",
    ),
    "qdisc add dev p1 clsact": (
        requests.add_clsact(PORT),
        "3000000024000506000000000000000000000000e90300000000fffff1ffffff000000000b000100636c736163740000",
    ),
    "qdisc del dev p1 clsact": (
        requests.delete_clsact(PORT),
        "3000000025000500000000000000000000000000e90300000000fffff1ffffff000000000b000100636c736163740000",
    ),
    "filter add dev p1 egress protocol all prio 1 u32 match u32 0 0 action mirred egress redirect dev br0": (
        requests.redirect(PORT, BRIDGE),
        "8c0000002c000506000000000000000000000000e903000000000000f3ffffff0003010008000100753332006000020038000700"
        "340001000b0001006d697272656400002400028020000200000000000000000004000000000000000000000001000000e8030000"
        "240005000100010000000000000000000000000000000000000000000000000000000000",
    ),
    "filter del dev p1 egress protocol all prio 1 u32": (
        requests.remove_redirect(PORT),
        "2c0000002d000500000000000000000000000000e903000000000000f3ffffff000301000800010075333200",
    ),
}


@pytest.mark.parametrize("arguments", RECORDED)
def test_it_requests_what_iproute2_requests(arguments: str) -> None:
    request, recorded = RECORDED[arguments]
    ours = request.message(0)
    theirs = bytes.fromhex(recorded)
    assert ours[TYPE_AND_FLAGS] == theirs[TYPE_AND_FLAGS]
    kind = tcmsg if request.kind in OF_TRAFFIC_CONTROL else ifinfmsg
    assert parts(decoded(kind, ours[HEADER:])) == parts(decoded(kind, theirs[HEADER:]))


def parts(message: Any) -> Any:
    """The values of a message without the lengths of its attributes: pyroute2 ends each text with a zero byte."""
    if not isinstance(message, nlmsg_base):
        return message
    found = {name: parts(value) for name, value in message.items() if name not in ("attrs", "header")}
    attributes_of_it = {name: parts(value) for name, value in message.get("attrs", ())}
    return found, attributes_of_it


def test_attributes_are_decoded_as_they_were_encoded() -> None:
    data = attribute(1, b"odd") + nested(2, attribute(3, b""), attribute(4, b"1234"))
    found = attributes(data)
    assert found[1] == b"odd"
    assert attributes(found[2]) == {3: b"", 4: b"1234"}
    assert attributes(data[:-2])[1] == b"odd"  # the rest is cut off
    assert attributes(b"\0" * 8) == {}


def _in_a_network_of_its_own() -> None:
    libc.unshare(libc.CLONE_NEWNET if os.geteuid() == 0 else libc.CLONE_NEWNET | libc.CLONE_NEWUSER)
    netlink = Netlink()
    # More than are sent together, and more than the receive buffer has room for if their answers came at once.
    count = 120
    made = [
        requests.add_veth(f"a{number}", 1400, index=2000 + number, peer_name=f"b{number}", peer_pid=os.getpid())
        for number in range(count)
    ]
    netlink.ask(*made)
    found = links.find(netlink, *(2000 + number for number in range(count)))
    assert [link.name for link in found] == [f"a{number}" for number in range(count)]
    for link in found:
        peer = socket.if_nametoindex(link.name.replace("a", "b"))
        assert (link.kind, link.peer, link.master, link.is_up, link.is_forwarding) == ("veth", peer, None, False, False)
    with pytest.raises(NetlinkError, match="File exists") as refused:
        netlink.ask(*(requests.set_up(2000 + number) for number in range(40)), made[7], requests.set_up(2050))
    assert refused.value.position == 40
    with pytest.raises(NetlinkError, match="No such device"):
        links.find(netlink, 9999)
    assert links.find(netlink, 2050)[0].name == "a50"  # no answer of a refused request is left over
    netlink.close()


def test_many_requests_at_once_and_which_of_them_was_refused() -> None:
    if why := why_not():
        require.lacking(why, {"netns"})
    pid = fork(_in_a_network_of_its_own)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
