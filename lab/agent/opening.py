"""When the ports are open: a bridge forwards on a port only some time after the host at its other end came up.

The kernel works out a carrier's change in the background (net/core/link_watch.c). A frame sent before that is lost, and
an ARP request that is lost costs a second.
"""

import select
import socket
import time
from collections.abc import Mapping
from typing import Any

from pyroute2 import IPRoute

from lab.errors import RunError

PATIENCE = 5.0
"""Seconds within which every port must be open; once the hosts' interfaces are up it takes about a millisecond."""

_FORWARDING = 3  # linux/if_bridge.h: BR_STATE_FORWARDING
_LINK_GROUP = 1  # linux/rtnetlink.h: RTMGRP_LINK


def wait(netlink: IPRoute, ports: Mapping[int, str]) -> None:
    """Return once the bridge forwards on all ``ports`` (index -> host).

    Raises:
        RunError: one stays shut.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE) as news:
        news.bind((0, _LINK_GROUP))  # before the look, so that no change falls between look and wait
        poll = select.poll()
        poll.register(news, select.POLLIN)
        end = time.monotonic() + PATIENCE
        while shut := _shut(netlink, ports):
            if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
                raise RunError(f"the bridge does not open the port of {', '.join(shut)}; is the host's eth0 up?")
            _discard(news)


def _shut(netlink: IPRoute, ports: Mapping[int, str]) -> list[str]:
    states = {link["index"]: _state(link) for link in netlink.get_links()}
    return [host for index, host in ports.items() if states.get(index) != _FORWARDING]


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
