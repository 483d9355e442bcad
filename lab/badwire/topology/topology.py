"""The hosts, the wire and the network of a lab, as plain data; `compose` reads them from compose.yaml."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network

from badwire.errors import BadTopology

# A host's name is also the name of its port on the bridge, and Linux gives an interface at most 15 characters.
NAME = re.compile(r"[a-z][a-z0-9-]{0,14}")
RESERVED = frozenset({"wire", "lo"})
MOST_HOSTS = 1023  # ports of a bridge: Linux net/bridge/br_private.h BR_MAX_PORTS, of which number 0 is not used

# For a host's agent: to configure its interface, to use AF_PACKET, to run programs as another user, and to kill them.
HOST_CAPS = ("NET_ADMIN", "NET_RAW", "SETUID", "SETGID", "KILL")
# The wire's relay needs SYS_ADMIN to create its own, empty network namespace; it then drops the capability.
WIRE_CAPS = ("NET_ADMIN", "NET_RAW", "SYS_ADMIN")


@dataclass(frozen=True)
class Container:
    """The settings of a service's container, named as in a compose file; the netns substrate ignores them.

    ``image`` must contain the agent. None means the project's own image, which is built if necessary. ``base`` is the
    image on which that one is built; None means badwire-base if it exists locally, else Python's image from the
    registry. ``mem_limit`` is in bytes, or text such as "256m". ``cpus`` is a number of processors.
    """

    image: str | None = None
    base: str | None = None
    cap_add: tuple[str, ...] = HOST_CAPS
    cap_drop: tuple[str, ...] = ("ALL",)
    security_opt: tuple[str, ...] = ("no-new-privileges:true",)
    read_only: bool = True
    tmpfs: tuple[str, ...] = ("/tmp:rw,exec,nosuid,nodev,size=64m,mode=1777",)
    pids_limit: int = 512
    mem_limit: int | str = "512m"
    cpus: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    hostname: str | None = None
    init: bool = False
    stop_signal: str = "SIGKILL"


@dataclass(frozen=True)
class HostSpec:
    """A host to bring up; ``sysctls`` are net.* settings of its network namespace.

    ``address`` is an IPv4 address without a prefix length; None lets the lab choose one.

    Raises:
        BadTopology: the name is not valid, or a sysctl is not one of net.*.
    """

    name: str
    sysctls: Mapping[str, str] = field(default_factory=dict)
    address: str | None = None
    container: Container = Container()

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or self.name in RESERVED:
            raise BadTopology(
                f"{self.name!r} cannot be a host's name: it takes 1 to 15 small letters, digits and hyphens, a letter"
                f" first, and not {' or '.join(sorted(RESERVED))}"
            )
        for name in self.sysctls:
            if not name.startswith("net."):
                raise BadTopology(
                    f"host {self.name!r}: the sysctl {name!r} is not a host's own; only net.* settings are"
                )


@dataclass(frozen=True)
class Topology:
    """Hosts on one bridge network.

    If ``subnet`` is None, the substrate chooses one, so that labs which run at the same time do not collide. ``mtu`` is
    in bytes, from 576 to 65535. ``wire`` is the container of the wire's agent. ``where`` is the file's name for errors.

    Raises:
        BadTopology: no lab can have these hosts, addresses, subnet or MTU.
    """

    hosts: tuple[HostSpec, ...]
    subnet: str | None = None
    mtu: int = 1500
    wire: Container = Container(cap_add=WIRE_CAPS, mem_limit="256m")
    where: str = "the topology"

    def __post_init__(self) -> None:
        if not self.hosts:
            raise self._bad("there is no host; give at least one service beside the wire")
        if len(self.hosts) > MOST_HOSTS:
            raise self._bad(f"there are {len(self.hosts)} hosts; a Linux bridge has ports for {MOST_HOSTS}")
        for name, times in Counter(host.name for host in self.hosts).items():
            if times > 1:
                raise self._bad(f"{times} hosts are named {name!r}; give each a name of its own")
        if not 576 <= self.mtu <= 65535:
            raise self._bad(f"the MTU is {self.mtu}; it must be from 576 to 65535 bytes")
        if self.subnet is not None:
            self._network(self.subnet)
        self._check_addresses()

    @staticmethod
    def of(*names: str, subnet: str | None = None, mtu: int = 1500) -> "Topology":
        """A topology of hosts with these names and the default settings."""
        return Topology(tuple(HostSpec(name) for name in names), subnet=subnet, mtu=mtu)

    def with_hosts(self, **replicas: int) -> "Topology":
        """A copy with N instances of a host: ``with_hosts(client=3)`` replaces client by client1, client2 and client3.

        With 1 the host is unchanged, with 0 it is removed. Write a hyphen in a host's name as an underscore.

        Raises:
            BadTopology: there is no such host, or the new topology is not valid.
        """
        wanted = {name.replace("_", "-"): number for name, number in replicas.items()}
        for name in wanted.keys() - {host.name for host in self.hosts}:
            raise self._bad(f"there is no host {name!r} to have more of")
        hosts = tuple(one for host in self.hosts for one in copies(host, wanted.get(host.name, 1)))
        return replace(self, hosts=hosts)

    def addresses(self, default: str = "10.0.0.0/24") -> dict[str, str]:
        """Each host's address with its prefix length, such as {"server": "10.0.0.2/24"}.

        A host without an address of its own gets the next free one, from the subnet's second address on; the first is
        the gateway of a Docker network. ``default`` is the subnet if the topology has none; its prefix is shortened
        until all hosts fit.
        """
        network = self._network(self.subnet or default)
        while self.subnet is None and network.num_addresses < len(self.hosts) + 3:
            network = network.supernet()
        taken = {host.address for host in self.hosts}
        free = (str(address) for address in _usable(network) if str(address) not in taken)
        return {host.name: f"{host.address or next(free)}/{network.prefixlen}" for host in self.hosts}

    def _check_addresses(self) -> None:
        seen: dict[str, str] = {}
        network = self._network(self.subnet) if self.subnet else None
        for host in self.hosts:
            if host.address is None:
                continue
            if network is None:
                raise self._bad(f"host {host.name!r} asks for {host.address}, but the network has no subnet")
            try:
                address = IPv4Address(host.address)
            except ValueError:
                raise self._bad(f"host {host.name!r}: {host.address!r} is not an IPv4 address") from None
            if address not in network or address in (network[0], network[1], network[-1]):
                raise self._bad(f"host {host.name!r}: {address} is not for a host in {network}; start at {network[2]}")
            if host.address in seen:
                raise self._bad(f"hosts {seen[host.address]!r} and {host.name!r} both ask for {host.address}")
            seen[host.address] = host.name
        if network is not None and network.num_addresses < len(self.hosts) + 3:
            raise self._bad(f"{network} is too small for {len(self.hosts)} hosts and a gateway; take a shorter prefix")

    def _network(self, subnet: str) -> IPv4Network:
        try:
            network = IPv4Network(subnet)
        except ValueError as error:
            raise self._bad(f"the subnet {subnet!r} is not an IPv4 network: {error}") from None
        if network.prefixlen > 29:
            raise self._bad(f"the subnet {subnet} has no room for hosts; take a prefix of 29 or shorter")
        return network

    def _bad(self, why: str) -> BadTopology:
        return BadTopology(f"{self.where}: {why}")


def copies(host: HostSpec, number: int) -> tuple[HostSpec, ...]:
    """``number`` copies of a host: the host itself for 1, otherwise name1, name2, …

    Raises:
        BadTopology: ``number`` is negative, or several copies would share the host's address.
    """
    if number < 0:
        raise BadTopology(f"host {host.name!r}: {number} of it is not a number of hosts")
    if number == 1:
        return (host,)
    if host.address is not None and number > 1:
        raise BadTopology(f"host {host.name!r}: {number} hosts cannot share the address {host.address}")
    return tuple(replace(host, name=f"{host.name}{index}") for index in range(1, number + 1))


def _usable(network: IPv4Network) -> Iterator[IPv4Address]:
    return map(network.__getitem__, range(2, network.num_addresses - 1))
