"""When a link is open: only some time after the interface at its other end came up.

The kernel works out a carrier's change in the background (net/core/link_watch.c). Until then a bridge does not forward
on its port, and any interface drops what it is given to send (its qdisc is noop). A frame that comes too early is lost,
and an ARP request that is lost costs a second.
"""

import select
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from lab.agent.rtnl import IPRoute
from lab.errors import RunError

PATIENCE = 5.0
"""Seconds within which every port must be open; once the hosts' interfaces are up it takes about a millisecond."""

_FORWARDING = 3  # linux/if_bridge.h: BR_STATE_FORWARDING
_LINK_GROUP = 1  # linux/rtnetlink.h: RTMGRP_LINK


def wait_for_ports(netlink: IPRoute, ports: Mapping[int, str]) -> None:
    """Return once the bridge forwards on all ``ports`` (index -> host).

    Raises:
        RunError: one stays shut.
    """

    def shut() -> list[str]:
        states = {link["index"]: _state(link) for link in netlink.get_links()}
        return [host for index, host in ports.items() if states.get(index) != _FORWARDING]

    _wait(shut, "the bridge does not open the port of {}; is the host's eth0 up?")


def wait_for_link(netlink: IPRoute, index: int) -> None:
    """Return once interface ``index`` sends what it is given.

    Raises:
        RunError: its other end stays down.
    """

    def shut() -> list[str]:
        (link,) = netlink.get_links(index)
        ready = link.get_attr("IFLA_OPERSTATE") == "UP" and link.get_attr("IFLA_QDISC") != "noop"
        return [] if ready else [str(link.get_attr("IFLA_IFNAME"))]

    _wait(shut, "interface {} gets no carrier; the relay did not bring up its end")


def _wait(shut: Callable[[], list[str]], otherwise: str) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE) as news:
        news.bind((0, _LINK_GROUP))  # before the look, so that no change falls between look and wait
        poll = select.poll()
        poll.register(news, select.POLLIN)
        end = time.monotonic() + PATIENCE
        while names := shut():
            if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
                raise RunError(otherwise.format(", ".join(names)))
            _discard(news)


def _state(link: Any) -> int | None:
    info = link.get_attr("IFLA_LINKINFO")
    data = info.get_attr("IFLA_INFO_SLAVE_DATA") if info is not None else None
    return None if data is None else data.get_attr("IFLA_BRPORT_STATE")


def _discard(news: socket.socket) -> None:
    try:
        while news.recv(1 << 16):
            pass
    except BlockingIOError:
        pass
