"""Chooses the subnet of a lab's network, so that the lab knows each host's address before it creates any container."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import docker

# For tests of devices that connect networks (RFC 2544 appendix C.2.2), so nobody's network has it. The other half of
# that block, 198.18.0.0/16, is the default of proxies that hand out addresses of their own.
POOL = IPv4Network("198.19.0.0/16")
_ROUTES = Path("/proc/net/route")


def free(client: docker.APIClient, prefix_length: int, first: int) -> Iterator[str]:
    """The subnets of POOL that no network of the engine and no route of this machine overlaps.

    A subnet may be taken by another lab in the meantime: the engine then refuses it, and the next one may be free.

    Args:
        client: the engine.
        prefix_length: of the subnets.
        first: any number; it chooses where to begin, so that labs that start together begin at different subnets.
    """
    subnets = list(POOL.subnets(new_prefix=prefix_length))
    taken = [*_of_the_engine(client), *_of_this_machine()]
    for number in range(len(subnets)):
        subnet = subnets[(first + number) % len(subnets)]
        if not any(subnet.overlaps(other) for other in taken):
            yield str(subnet)


def _of_the_engine(client: docker.APIClient) -> list[IPv4Network]:
    found = []
    for network in client.networks():
        for config in (network.get("IPAM") or {}).get("Config") or []:
            with contextlib.suppress(ValueError):  # IPv6
                found.append(IPv4Network(config.get("Subnet", "")))
    return found


def _of_this_machine() -> list[IPv4Network]:
    """The networks to which this machine has routes, except for the default route."""
    found = []
    with contextlib.suppress(OSError):
        _, *lines = _ROUTES.read_text().splitlines()
        for line in lines:
            fields = line.split()
            destination, mask = (struct.pack("=I", int(fields[column], 16)) for column in (1, 7))
            if any(mask):
                found.append(IPv4Network(f"{socket.inet_ntoa(destination)}/{socket.inet_ntoa(mask)}", strict=False))
    return found
