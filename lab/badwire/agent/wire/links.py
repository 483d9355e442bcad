"""Waits until links are open, some time after the interface at the other end came up.

The kernel processes a change of carrier in the background (net/core/link_watch.c). Until then a bridge does not forward
on its port, and any interface drops what it is given to send (its qdisc is noop). A frame that is sent too early is
lost, and an ARP request that is lost costs a second.
"""

import select
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from badwire.agent.wire.netlink import IPRoute
from badwire.errors import RunError

# Seconds within which every port must be open; once the hosts' interfaces are up it takes about a millisecond.
OPEN_WITHIN = 5.0
_BR_STATE_FORWARDING = 3  # linux/if_bridge.h
_RTMGRP_LINK = 1  # linux/rtnetlink.h


def wait_for_ports(netlink: IPRoute, ports: Mapping[int, str]) -> None:
    """Return once the bridge forwards on all ``ports`` (index -> host).

    Raises:
        RunError: a port stays closed.
    """

    def closed() -> list[str]:
        forwarding: set[int] = set()
        for link in netlink.get_links():
            if _port_state(link) == _BR_STATE_FORWARDING:
                forwarding.add(link["index"])
        return [host for index, host in ports.items() if index not in forwarding]

    _wait(closed, "the bridge does not open the port of {}; is the host's eth0 up?")


def wait_for_link(netlink: IPRoute, index: int) -> None:
    """Return once interface ``index`` sends what it is given.

    Raises:
        RunError: its other end stays down.
    """

    def closed() -> list[str]:
        (link,) = netlink.get_links(index)
        state = link.get_attr("IFLA_OPERSTATE")
        qdisc = link.get_attr("IFLA_QDISC")
        if state == "UP" and qdisc != "noop":
            return []
        name = link.get_attr("IFLA_IFNAME")
        return [str(name)]

    _wait(closed, "interface {} gets no carrier; the relay did not bring up its end")


def _wait(closed: Callable[[], list[str]], error: str) -> None:
    """Wait until ``closed`` names no link; ``error`` is a format string for the names that remain."""
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
    with socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE) as changes:
        changes.bind((0, _RTMGRP_LINK))  # before the first check, so that no change is missed
        poll = select.poll()
        poll.register(changes, select.POLLIN)
        deadline = time.monotonic() + OPEN_WITHIN
        names = closed()
        while names:
            left = max(0.0, deadline - time.monotonic())
            if not poll.poll(left * 1000):
                listed = ", ".join(names)
                raise RunError(error.format(listed))
            _discard(changes)
            names = closed()


def _port_state(link: Any) -> int | None:
    """The state of a link as a port of a bridge; None: it is not one."""
    info = link.get_attr("IFLA_LINKINFO")
    if info is None:
        return None
    data = info.get_attr("IFLA_INFO_SLAVE_DATA")
    if data is None:
        return None
    state: int | None = data.get_attr("IFLA_BRPORT_STATE")
    return state


def _discard(changes: socket.socket) -> None:
    with suppress(BlockingIOError):
        while changes.recv(1 << 16):
            pass
