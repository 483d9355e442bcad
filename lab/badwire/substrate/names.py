"""Names of hosts as hosts(5) has them: every host finds every other by its name, its hostname and its aliases."""

from collections.abc import Mapping

from badwire.topology.topology import Topology

# No lookup asks a name server, which no host has; an empty resolv.conf would mean one on the host itself.
RESOLV_CONF = (
    "# badwire: a lab has no name server; the names of the hosts are in /etc/hosts.\noptions timeout:1 attempts:1\n"
)


def entries(topology: Topology, addresses: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each name with its address, in the order of the topology.

    Args:
        topology: the hosts.
        addresses: by the host's name, with or without a prefix length.
    """
    found = []
    for host in topology.hosts:
        address, _, _ = addresses[host.name].partition("/")
        for name in host.names:
            found.append((name, address))
    return found


def entries_of_further(topology: Topology) -> list[tuple[str, str]]:
    """The names of the hosts' addresses beside the first, each with its addresses: those of IPv4, then of IPv6.

    ``topology`` has the subnet of the lab, which the addresses are in.
    """
    found = []
    for addresses in (topology.all_addresses(), topology.all_addresses6()):
        for host in topology.hosts:
            for number, address in enumerate(addresses.get(host.name, [])[1:], start=2):
                found.append((host.numbered(number), address.partition("/")[0]))
    return found


def entries6(topology: Topology) -> list[tuple[str, str]]:
    """Each name with its IPv6 address, in the order of the topology; empty if the topology has no IPv6."""
    return entries(topology, topology.addresses6()) if topology.ipv6 else []


def hosts_file(entries: list[tuple[str, str]], hostname: str, address: str) -> str:
    """The /etc/hosts of a host; its own name comes first, since several hosts may have the same hostname."""
    lines = ["127.0.0.1\tlocalhost", f"{address}\t{hostname}"]
    for name, its_address in entries:
        lines.append(f"{its_address}\t{name}")
    return "\n".join(lines) + "\n"


def nsswitch(text: str) -> str:
    """The /etc/nsswitch.conf of this machine with names of hosts from /etc/hosts only; see nsswitch.conf(5)."""
    kept = [line for line in text.splitlines() if line.partition(":")[0].strip() != "hosts"]
    return "\n".join([*kept, "hosts: files"]) + "\n"
