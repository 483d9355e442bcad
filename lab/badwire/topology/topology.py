"""The hosts, the wire and the network of a lab, as plain data; `compose` reads them from compose.yaml."""

import re
import socket
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from badwire.errors import BadTopology

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Labels of letters, digits, hyphens and underscores, with dots between them: what hosts(5) and a Compose file take.
NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*")
LONGEST_NAME = 63  # characters: of a label of a domain name (RFC 1035 section 2.3.4), and of a hostname (hostname(7))
HERE = "here"  # what a lab calls the process that runs it
# "wire" is in the capture; the others mean something else in a program's arguments, or in /etc/hosts.
RESERVED = frozenset({"wire", "lo", "localhost", "port", HERE})
# A unique local prefix (RFC 4193 section 3.1). Its global ID of 40 bits is the start of the SHA-1 of "badwire". It is
# the same for every lab, so that a run can be repeated: no route leaves a lab, and so two labs never meet.
PREFIX6 = "fd4f:1c00:c450::/64"
SMALLEST_MTU6 = 1280  # bytes, which every link must carry (RFC 8200 section 5)
MOST_ADDRESSES = 255  # of a family on a host, far more than a lab needs; the kernel has no limit
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
    tmpfs: tuple[str, ...] = ("/tmp:rw,exec,nosuid,nodev,size=64m,nr_inodes=16384,mode=1777",)
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

    ``address`` is an IPv4 address and ``address6`` an IPv6 address, without a prefix length; None lets the lab choose
    one. ``addresses`` is how many addresses of each family its interface has. ``further`` are some of them beside the
    first, IPv4 or IPv6; the lab chooses the others. The second one's name is that of the host with ``.2``, and so on.
    ``aliases`` are further names by which the other hosts find it. Several hosts may have the same alias, which
    then stands for all of them.

    Raises:
        BadTopology: a name is not valid, a sysctl is not one of net.*, or a number or one of ``further`` is no address.
    """

    name: str
    sysctls: Mapping[str, str] = field(default_factory=dict)
    address: str | None = None
    container: Container = Container()
    aliases: tuple[str, ...] = ()
    address6: str | None = None
    addresses: int = 1
    further: tuple[str, ...] = ()

    @property
    def hostname(self) -> str:
        """What hostname(1) says on the host."""
        return self.container.hostname or self.name

    @property
    def names(self) -> tuple[str, ...]:
        """All names by which it is found: its own, its hostname, its aliases; none twice."""
        return tuple(dict.fromkeys((self.name, self.hostname, *self.aliases)))

    def wanted(self, version: int) -> list[str | None]:
        """Its addresses of IPv4 or IPv6, the first one first; None for one that the lab chooses."""
        first = self.address if version == 4 else self.address6
        asked = [first, *(text for text in self.further if ip_address(text).version == version)]
        return [*asked, *[None] * (self.addresses - len(asked))]

    def numbered(self, number: int) -> str:
        """The name of its second address, third, and so on."""
        return f"{self.name}.{number}"

    @property
    def names_of_further(self) -> tuple[str, ...]:
        """The names of its addresses beside the first."""
        count = max(len(self.wanted(4)), len(self.wanted(6)))
        return tuple(self.numbered(number) for number in range(2, count + 1))

    def __post_init__(self) -> None:
        if not 1 <= self.addresses <= MOST_ADDRESSES:
            raise BadTopology(
                f"host {self.name!r} cannot have {self.addresses} addresses; give a number from 1 to {MOST_ADDRESSES}"
            )
        for text in self.further:
            _check_further(self.name, text)
        for name in self.names:
            if not _is_name(name):
                reserved = ", ".join(sorted(RESERVED))
                kind = "name" if name == self.name else "alias or hostname"
                raise BadTopology(
                    f"{name!r} cannot be a host's {kind}: use 1 to {LONGEST_NAME} letters, digits, hyphens, underscores"
                    f" and dots that begin and end with a letter, a digit or an underscore, and are neither an address"
                    f" nor one of {reserved}"
                )
        for name in self.sysctls:
            if not name.startswith("net."):
                raise BadTopology(
                    f"host {self.name!r}: the sysctl {name!r} applies to the whole machine; only net.* can be set"
                )


@dataclass(frozen=True)
class Topology:
    """Hosts on one bridge network.

    If ``subnet`` is None, the substrate chooses one, so that labs which run at the same time do not collide. ``mtu`` is
    in bytes, from 576 to 65535. ``wire`` is the container of the wire's agent. ``where`` is the file's name for errors.

    With ``ipv6`` each host has an IPv6 address beside its IPv4 address, in ``subnet6``; None is PREFIX6. Without it no
    host sends an IPv6 frame.

    Raises:
        BadTopology: no lab can have these hosts, addresses, subnet or MTU.
    """

    hosts: tuple[HostSpec, ...]
    subnet: str | None = None
    mtu: int = 1500
    wire: Container = Container(cap_add=WIRE_CAPS, mem_limit="256m")
    where: str = "the topology"
    ipv6: bool = False
    subnet6: str | None = None

    def __post_init__(self) -> None:
        if not self.hosts:
            raise self._bad("there is no host; give at least one service besides the wire")
        if len(self.hosts) > MOST_HOSTS:
            count = len(self.hosts)
            raise self._bad(f"there are {count} hosts; a Linux bridge has ports for at most {MOST_HOSTS}")
        names = Counter(host.name for host in self.hosts)
        for name, count in names.items():
            if count > 1:
                raise self._bad(f"{count} hosts are named {name!r}; give each a different name")
        self._check_names()
        if not 576 <= self.mtu <= 65535:
            raise self._bad(f"the MTU is {self.mtu}; it must be from 576 to 65535 bytes")
        if self.subnet is not None:
            self._network(self.subnet)
        self._check_addresses()
        self._check_ipv6()

    @staticmethod
    def of(*names: str, subnet: str | None = None, mtu: int = 1500, ipv6: bool = False) -> "Topology":
        """A topology of hosts with these names and the default settings."""
        hosts = tuple(HostSpec(name) for name in names)
        return Topology(hosts, subnet=subnet, mtu=mtu, ipv6=ipv6)

    def with_ipv6(self) -> "Topology":
        """A copy in which each host has an IPv6 address too. Raises BadTopology if the MTU is too small for IPv6."""
        return replace(self, ipv6=True)

    def with_hosts(self, **replicas: int) -> "Topology":
        """A copy with N instances of a host: ``with_hosts(client=3)`` replaces client by client1, client2 and client3.

        With 1 the host is unchanged, with 0 it is removed. A hyphen or a dot in a host's name may be written as an
        underscore.

        Raises:
            BadTopology: there is no such host, or the new topology is not valid.
        """
        wanted = self._by_host_name(replicas, [host.name for host in self.hosts])
        hosts: list[HostSpec] = []
        for host in self.hosts:
            number = wanted.get(host.name, 1)
            hosts.extend(copies(host, number))
        return replace(self, hosts=tuple(hosts))

    def with_addresses(self, **numbers: int) -> "Topology":
        """A copy in which a host has N addresses of each family: ``with_addresses(server=2)``.

        A name that several hosts have as an alias, as client after ``with_hosts(client=2)``, stands for all of them.

        Raises:
            BadTopology: there is no such host, or the new topology is not valid.
        """
        numbers = self._by_host_name(numbers, [name for host in self.hosts for name in host.names])
        hosts = []
        for host in self.hosts:
            wanted = [numbers[name] for name in host.names if name in numbers]
            hosts.append(replace(host, addresses=wanted[0]) if wanted else host)
        return replace(self, hosts=tuple(hosts))

    def _by_host_name(self, given: Mapping[str, int], names: Sequence[str]) -> dict[str, int]:
        """The numbers by one of the names; in those given, an underscore may stand for a hyphen or a dot.

        Raises:
            BadTopology: there is no such host.
        """
        spelled = {re.sub(r"[.-]", "_", name): name for name in names}
        found = {}
        for name, number in given.items():
            host_name = name if name in names else spelled.get(name, name)
            if host_name not in names:
                known = ", ".join(host.name for host in self.hosts)
                raise self._bad(f"there is no host {name!r}; there are {known}")
            found[host_name] = number
        return found

    def find(self, name: str) -> tuple[HostSpec, ...]:
        """The hosts with this name, hostname or alias."""
        return tuple(host for host in self.hosts if name in host.names)

    def _check_names(self) -> None:
        """Check that each host is found by its own name; resolvers ignore case (RFC 1035 section 2.3.3)."""
        taken = {name.lower() for host in self.hosts for name in host.names}
        owners: dict[str, str] = {}
        for host in self.hosts:
            other = owners.setdefault(host.name.lower(), host.name)
            if other != host.name:
                raise self._bad(f"the names {other!r} and {host.name!r} differ in case only, which a resolver ignores")
        for host in self.hosts:
            for name in host.names_of_further:
                if name.lower() in taken:
                    raise self._bad(f"{name!r} is the name of an address of host {host.name!r}; rename the other one")
            for name in host.names:
                owner = owners.get(name.lower(), host.name)
                if owner != host.name:
                    raise self._bad(
                        f"host {host.name!r} has the alias or hostname {name!r}, which is another host's name"
                    )

    def addresses(self, default: str = "10.0.0.0/24") -> dict[str, str]:
        """Each host's address with its prefix length, such as {"server": "10.0.0.2/24"}.

        A host without an address of its own gets the next free one, from the subnet's second address on; the first is
        the gateway of a Docker network. ``default`` is the subnet if the topology has none; its prefix is shortened
        until all hosts fit.
        """
        found = self.all_addresses(default)
        return {host: addresses[0] for host, addresses in found.items()}

    def all_addresses(self, default: str = "10.0.0.0/24") -> dict[str, list[str]]:
        """All IPv4 addresses of each host, the first one first; see ``addresses``."""
        network = self._network(self.subnet or default)
        if self.subnet is None:
            network = self.fitting(network)
        return _assigned(network, {host.name: host.wanted(4) for host in self.hosts})

    def addresses6(self) -> dict[str, str]:
        """Each host's IPv6 address with its prefix length, such as {"server": "fd00::2/64"}; empty without ``ipv6``.

        They are chosen like the IPv4 addresses: the server, with 10.0.0.2, has an IPv6 address that ends with 2, too.
        """
        found = self.all_addresses6()
        return {host: addresses[0] for host, addresses in found.items()}

    def all_addresses6(self) -> dict[str, list[str]]:
        """All IPv6 addresses of each host, the first one first; empty without ``ipv6``."""
        if not self.ipv6:
            return {}
        network = self._network6(self.subnet6 or PREFIX6)
        return _assigned(network, {host.name: host.wanted(6) for host in self.hosts})

    def fitting(self, network: IPv4Network) -> IPv4Network:
        """The network, or the smallest one around it that has an address for each host."""
        while not self._fits(network):
            network = network.supernet()
        return network

    def _fits(self, network: Network) -> bool:
        """Whether a network has an address for each host, besides its own, the gateway's and that of broadcasts."""
        return network.num_addresses >= self._count(network.version) + 3

    def _count(self, version: int) -> int:
        """How many addresses of IPv4 or IPv6 the hosts have together."""
        return sum(len(host.wanted(version)) for host in self.hosts)

    def _check_addresses(self) -> None:
        network = self._network(self.subnet) if self.subnet else None
        self._check_each({host.name: host.wanted(4) for host in self.hosts}, network, "subnet")
        self._check_room(network)

    def _check_ipv6(self) -> None:
        asked = {host.name: host.wanted(6) for host in self.hosts}
        if not self.ipv6:
            off = "but IPv6 is off; enable_ipv6: true on the network turns it on"
            if self.subnet6 is not None:
                raise self._bad(f"the network has the subnet {self.subnet6}, {off}")
            for host, addresses in asked.items():
                for address in addresses:
                    if address is not None:
                        raise self._bad(f"host {host!r} asks for {address}, {off}")
            return
        if self.mtu < SMALLEST_MTU6:
            raise self._bad(f"the MTU is {self.mtu}, and IPv6 needs at least {SMALLEST_MTU6} bytes")
        network = self._network6(self.subnet6) if self.subnet6 else None
        self._check_each(asked, network, "IPv6 subnet")
        self._check_room(network)

    def _check_room(self, network: Network | None) -> None:
        if network is None or self._fits(network):
            return
        count = self._count(network.version)
        what = f"{count} hosts" if count == len(self.hosts) else f"{count} addresses of hosts"
        raise self._bad(f"{network} is too small for {what} and a gateway; use a shorter prefix")

    def _check_each(self, asked: Mapping[str, list[str | None]], network: Network | None, noun: str) -> None:
        """Check the addresses that hosts ask for, by the host's name, in a network that the file calls ``noun``."""
        host_at: dict[Address, str] = {}
        pairs = [(host, text) for host, texts in asked.items() for text in texts]
        for host, text in pairs:
            if text is None:
                continue
            if network is None:
                raise self._bad(
                    f"host {host!r} asks for {text}, but the network has no {noun}; give it one, or drop the address"
                )
            address = self._address(host, text, network)
            if address in host_at:
                if host_at[address] == host:
                    raise self._bad(f"host {host!r} asks for {text} twice; name it once")
                raise self._bad(
                    f"hosts {host_at[address]!r} and {host!r} both ask for {text}; give one of them another address"
                )
            host_at[address] = host

    def _address(self, host: str, text: str, network: Network) -> Address:
        """The address that a host asks for. Raises BadTopology if no host of the network can have it."""
        try:
            address: Address = IPv4Address(text) if network.version == 4 else IPv6Address(text)
            if "%" in text:
                raise ValueError("a scope is for link-local addresses, which hosts choose themselves")
        except ValueError:
            raise self._bad(f"host {host!r}: {text!r} is not an IPv{network.version} address") from None
        gateway = network[1]
        reserved = (network.network_address, gateway, network.broadcast_address)
        if address not in network or address in reserved:
            lowest = network[2]
            raise self._bad(f"host {host!r}: {address} is not for a host in {network}; start at {lowest}")
        return address

    def _network(self, subnet: str) -> IPv4Network:
        try:
            network = IPv4Network(subnet)
        except ValueError as error:
            raise self._bad(f"the subnet {subnet!r} is not an IPv4 network: {error}") from None
        if network.prefixlen > 29:
            raise self._bad(f"the subnet {subnet} has no room for hosts; use a prefix of 29 or shorter")
        return network

    def _network6(self, subnet: str) -> IPv6Network:
        try:
            network = IPv6Network(subnet)
        except ValueError as error:
            raise self._bad(f"the subnet {subnet!r} is not an IPv6 network: {error}") from None
        if network.prefixlen > 125:
            raise self._bad(f"the subnet {subnet} has no room for hosts; use a prefix of 125 or shorter")
        if network.is_link_local or network.is_multicast or network.is_loopback:
            raise self._bad(
                f"the subnet {subnet} is not for addresses of hosts; use a unique local one, such as {PREFIX6}"
            )
        return network

    def _bad(self, why: str) -> BadTopology:
        return BadTopology(f"{self.where}: {why}")


def copies(host: HostSpec, number: int) -> tuple[HostSpec, ...]:
    """``number`` copies of a host: the host itself for 1, otherwise name1, name2, …, each with the alias ``name``.

    Raises:
        BadTopology: ``number`` is negative, or several copies would share the host's address.
    """
    if number < 0:
        raise BadTopology(f"host {host.name!r}: there cannot be {number} of it; give a number of at least 0")
    if number == 1:
        return (host,)
    for address in (host.address, host.address6, *host.further):
        if address is not None and number > 1:
            raise BadTopology(f"host {host.name!r}: {number} hosts cannot share the address {address}; leave it out")
    hosts = []
    for index in range(1, number + 1):
        numbered = replace(host, name=f"{host.name}{index}", aliases=(host.name, *host.aliases))
        hosts.append(numbered)
    return tuple(hosts)


def _is_name(name: str) -> bool:
    """Whether a host can have this name, and be found by it."""
    if len(name) > LONGEST_NAME or not NAME.fullmatch(name) or name.lower() in RESERVED:
        return False
    try:
        socket.inet_aton(name)  # a resolver takes these for addresses: 10.1, 0x7f
    except OSError:
        return True
    return False


def _check_further(host: str, text: str) -> None:
    """Raise BadTopology unless the text is an address."""
    try:
        ip_address(text)
    except ValueError:
        raise BadTopology(f"host {host!r}: {text!r} is neither an IPv4 nor an IPv6 address") from None


def _assigned(network: Network, asked: Mapping[str, list[str | None]]) -> dict[str, list[str]]:
    """The addresses of each host with their prefix lengths: what it asks for, or the next free one.

    The first ones of all hosts come before the further ones, so that these change none of those.
    """
    taken = {ip_address(text) for texts in asked.values() for text in texts if text is not None}
    free = _free(network, taken)
    assigned: dict[str, list[str]] = {host: [] for host in asked}
    most = max(len(texts) for texts in asked.values())
    for number in range(most):
        for host, texts in asked.items():
            if number < len(texts):
                text = texts[number]
                address = ip_address(text) if text is not None else next(free)
                assigned[host].append(f"{address}/{network.prefixlen}")
    return assigned


def _free(network: Network, taken: Collection[Address]) -> Iterator[Address]:
    """The network's addresses for hosts, from the second one on, without those that are taken."""
    for index in range(2, network.num_addresses - 1):
        address = network[index]
        if address not in taken:
            yield address
