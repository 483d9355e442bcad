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

OPEN_WITHIN = 5.0
"""Seconds within which every port must be open; once the hosts' interfaces are up it takes about a millisecond."""
_BR_STATE_FORWARDING = 3  # linux/if_bridge.h
_RTMGRP_LINK = 1  # linux/rtnetlink.h


def wait_for_ports(netlink: IPRoute, ports: Mapping[int, str]) -> None:
    """Return once the bridge forwards on all ``ports`` (index -> host).

    Raises:
        RunError: a port stays closed.
    """

    def closed() -> list[str]:
        states = {link["index"]: _port_state(link) for link in netlink.get_links()}
        return [host for index, host in ports.items() if states.get(index) != _BR_STATE_FORWARDING]

    _wait(closed, "the bridge does not open the port of {}; is the host's eth0 up?")


def wait_for_link(netlink: IPRoute, index: int) -> None:
    """Return once interface ``index`` sends what it is given.

    Raises:
        RunError: its other end stays down.
    """

    def closed() -> list[str]:
        (link,) = netlink.get_links(index)
        ready = link.get_attr("IFLA_OPERSTATE") == "UP" and link.get_attr("IFLA_QDISC") != "noop"
        return [] if ready else [str(link.get_attr("IFLA_IFNAME"))]

    _wait(closed, "interface {} gets no carrier; the relay did not bring up its end")


def _wait(closed: Callable[[], list[str]], error: str) -> None:
    """Wait until ``closed`` names no link; ``error`` has a place for the names that remain."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE) as changes:
        changes.bind((0, _RTMGRP_LINK))  # before the first check, so that no change is missed
        poll = select.poll()
        poll.register(changes, select.POLLIN)
        deadline = time.monotonic() + OPEN_WITHIN
        while names := closed():
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise RunError(error.format(", ".join(names)))
            _discard(changes)


def _port_state(link: Any) -> int | None:
    info = link.get_attr("IFLA_LINKINFO")
    data = info.get_attr("IFLA_INFO_SLAVE_DATA") if info is not None else None
    return None if data is None else data.get_attr("IFLA_BRPORT_STATE")


def _discard(changes: socket.socket) -> None:
    with suppress(BlockingIOError):
        while changes.recv(1 << 16):
            pass
