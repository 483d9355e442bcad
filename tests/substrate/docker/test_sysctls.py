"""Which sysctls an engine gets with a container, and which with the endpoint of its network."""

from badwire.linux import ipv6
from badwire.substrate.docker.containers import split_sysctls

SYSCTLS = {"net.ipv4.tcp_sack": "0", "net.ipv6.conf.default.accept_ra": "0", "net.ipv6.conf.eth0.accept_ra": "0"}


def test_an_older_engine_gets_all_with_the_container() -> None:
    assert split_sysctls(SYSCTLS, "1.41") == (SYSCTLS, "")


def test_a_newer_engine_gets_those_of_the_interface_with_the_endpoint() -> None:
    """Docker names the interface IFNAME there, and parts the settings with commas."""
    of_container, of_endpoint = split_sysctls(SYSCTLS, "1.48")
    assert of_container == {"net.ipv4.tcp_sack": "0", "net.ipv6.conf.default.accept_ra": "0"}
    assert of_endpoint == "net.ipv6.conf.IFNAME.accept_ra=0"
    _, with_ipv6 = split_sysctls(ipv6.on("eth0"), "1.50")
    assert with_ipv6.split(",") == [
        "net.ipv6.conf.IFNAME.disable_ipv6=0",
        "net.ipv6.conf.IFNAME.accept_ra=0",
        "net.ipv6.conf.IFNAME.accept_dad=0",
    ]
