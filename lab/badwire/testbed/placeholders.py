"""Fills in ``{server}``, ``{server.address6}`` and ``{port}`` in the arguments of a program."""

import re
from collections.abc import Iterable, Mapping, Sequence

from badwire.errors import BadOption

PORT = "port"
ADDRESS6 = ".address6"  # after a host's name: its IPv6 address
_IN_BRACES = re.compile(r"\{([^{}]+)\}")

NO_IPV6 = (
    "IPv6 is off in this lab: give ipv6=True to @scenario, to the marker lab or to open_lab, or use badwire up --ipv6,"
    " or enable_ipv6: true in the compose file"
)

# The addresses of the hosts with a name; several if they share an alias.
AddressesByName = Mapping[str, Sequence[str]]


def addresses_by_name(entries: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The addresses of each name, none twice.

    Args:
        entries: names with an address each.
    """
    found: dict[str, list[str]] = {}
    for name, address in entries:
        addresses = found.setdefault(name, [])
        if address not in addresses:
            addresses.append(address)
    return found


def fill_in(text: str, addresses: AddressesByName, port: int | None = None) -> str:
    """Replace the name of a host in braces by its address, and ``{port}`` by the port.

    The name with ``.address6`` stands for its IPv6 address.

    Any other text in braces stays as it is, since programs have a use for braces of their own (awk, JSON, find).

    Args:
        text: an argument of a program.
        addresses: by name.
        port: the port; with None, ``{port}`` stays as it is, too.

    Raises:
        BadOption: several hosts have the name, or the lab has no IPv6.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name == PORT and port is not None:
            return str(port)
        found = addresses.get(name, ())
        if len(found) > 1:
            listed = ", ".join(found)
            raise BadOption(f"{match[0]} stands for {len(found)} hosts ({listed}): name one of them")
        if not found and name.endswith(ADDRESS6) and name.removesuffix(ADDRESS6) in addresses:
            raise BadOption(f"{match[0]} stands for an IPv6 address, and {NO_IPV6}")
        return found[0] if found else match[0]

    return _IN_BRACES.sub(value, text)
