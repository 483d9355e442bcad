"""The sysctls that turn IPv6 on or off on a host."""

from collections.abc import Mapping

# Off by default: the solicitations and reports of IPv6 would be frames unrelated to most lessons.
OFF = {
    "net.ipv6.conf.all.disable_ipv6": "1",
    "net.ipv6.conf.default.disable_ipv6": "1",
}
# A lab has no router and gives out its addresses itself, each once, so nothing is solicited and nothing waits:
# - accept_ra 0: the host ignores router advertisements, and so sends no router solicitations (Linux
#   net/ipv6/addrconf.c, addrconf_dad_completed), of which it would send three, four seconds apart (RFC 4861 section
#   6.3.7).
# - accept_dad 0: an address can be used at once, without duplicate address detection, which takes at least a second
#   (RFC 4862 section 5.4).
# Each is for the interface; `default` is for an engine that moves the interface into the namespace afterwards.
_OF_INTERFACE = ("disable_ipv6", "accept_ra", "accept_dad")
_ENABLED = {
    "net.ipv6.conf.all.disable_ipv6": "0",
    "net.ipv6.conf.default.disable_ipv6": "0",
    "net.ipv6.conf.default.accept_ra": "0",
    "net.ipv6.conf.default.accept_dad": "0",
}


def on(interface: str) -> Mapping[str, str]:
    """The sysctls of a host with IPv6 on this interface."""
    of_interface = {f"net.ipv6.conf.{interface}.{name}": "0" for name in _OF_INTERFACE}
    return {**_ENABLED, **of_interface}
