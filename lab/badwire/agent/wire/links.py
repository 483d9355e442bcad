"""Waits until links are open, some time after the interface at the other end came up.

The kernel processes a change of carrier in the background (net/core/link_watch.c). Until then a bridge does not forward
on its port, and any interface drops what it is given to send (its qdisc is noop). A frame that is sent too early is
lost, and an ARP request that is lost costs a second.
"""

import errno
import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from badwire.agent.wire import requests
from badwire.agent.wire.netlink import decoded, ifinfmsg
from badwire.errors import RunError
from badwire.linux.netlink import Netlink

# Seconds within which every port must be open; once the hosts' interfaces are up it takes about a millisecond.
OPEN_WITHIN = 5.0
_BR_STATE_FORWARDING = 3  # linux/if_bridge.h
_RTMGRP_LINK = 1  # linux/rtnetlink.h


@dataclass(frozen=True)
class Link:
    """What the kernel says about a link.

    Attributes:
        index: its number.
        name: its name.
        kind: such as "bridge"; empty for a device.
        peer: the number of the other end, in its own namespace; None: it has none.
        master: the number of the bridge of which it is a port; None: of none.
        qdisc: the name of its root qdisc.
        is_up: whether it is up, with its carrier.
        is_forwarding: whether the bridge forwards on this port.
    """

    index: int
    name: str
    kind: str
    peer: int | None
    master: int | None
    qdisc: str
    is_up: bool
    is_forwarding: bool

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Decode the answer to ``requests.get_link``."""
        message = decoded(ifinfmsg, body)
        info = message.get_attr("IFLA_LINKINFO")
        kind = None if info is None else info.get_attr("IFLA_INFO_KIND")
        as_port = None if info is None else info.get_attr("IFLA_INFO_SLAVE_DATA")
        return cls(
            index=message["index"],
            name=message.get_attr("IFLA_IFNAME"),
            kind=kind or "",
            peer=message.get_attr("IFLA_LINK"),
            master=message.get_attr("IFLA_MASTER"),
            qdisc=message.get_attr("IFLA_QDISC") or "",
            is_up=message.get_attr("IFLA_OPERSTATE") == "UP",
            is_forwarding=as_port is not None and as_port.get_attr("IFLA_BRPORT_STATE") == _BR_STATE_FORWARDING,
        )


def find(netlink: Netlink, *indices: int) -> list[Link]:
    """The links with these numbers. Raises NetlinkError if there is none of a number."""
    asked = [requests.get_link(index) for index in indices]
    return [Link.decode(answer) for answer in netlink.ask(*asked)]


def wait_for_ports(netlink: Netlink, ports: Mapping[int, str]) -> None:
    """Return once the bridge forwards on all ``ports`` (index -> host).

    Raises:
        RunError: a port stays closed.
    """
    late = _wait(netlink, list(ports), lambda link: link.is_forwarding)
    if late:
        names = ", ".join(ports[link.index] for link in late)
        raise RunError(f"the bridge does not open the port of {names}; is the host's eth0 up?")


def wait_for_links(netlink: Netlink, indices: Sequence[int]) -> None:
    """Return once these interfaces send what they are given.

    Raises:
        RunError: the other end of one stays down.
    """
    late = _wait(netlink, indices, lambda link: link.is_up and link.qdisc != "noop")
    if late:
        names = ", ".join(link.name for link in late)
        raise RunError(f"interface {names} gets no carrier; the relay did not bring up its end")


def _wait(netlink: Netlink, indices: Sequence[int], is_open: Callable[[Link], bool]) -> list[Link]:
    """Wait until all links are open, for ``OPEN_WITHIN`` at most; returns those that are not."""
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
    with socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE) as changes:
        changes.bind((0, _RTMGRP_LINK))  # before the first check, so that no change is missed
        poll = select.poll()
        poll.register(changes, select.POLLIN)
        deadline = time.monotonic() + OPEN_WITHIN
        closed = [link for link in find(netlink, *indices) if not is_open(link)]
        while closed:
            left = max(0.0, deadline - time.monotonic())
            if not poll.poll(left * 1000):
                return closed
            _discard(changes)
            still = [link.index for link in closed]
            closed = [link for link in find(netlink, *still) if not is_open(link)]
    return []


def _discard(changes: socket.socket) -> None:
    while True:
        try:
            changes.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # there were more changes than the socket has room for
                raise
