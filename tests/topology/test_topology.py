"""A compose file as plain data; what is not supported gives one sentence that names it."""

from ipaddress import IPv6Network
from pathlib import Path
from typing import Any

import pytest

from badwire.errors import BadTopology
from badwire.topology import compose
from badwire.topology.topology import PREFIX6, WIRE_CAPS, HostSpec, Topology

PROJECT = Path(__file__).parents[2]
WIRE = "  wire: {network_mode: host}\n"
NETWORK = "networks: {lab: {internal: true}}\n"


def load(tmp_path: Path, text: str) -> Topology:
    file = tmp_path / "compose.yaml"
    file.write_text(text)
    return compose.load(file)


def services(text: str, network: str = NETWORK) -> str:
    return f"services:\n{WIRE}{text}\n{network}"


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(BadTopology) as caught:
        load(tmp_path, text)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith("compose.yaml: ") or sentence.startswith("compose.yaml is ")
    return sentence


def test_the_projects_own_file_has_two_hosts_and_a_wire() -> None:
    topology = compose.load(PROJECT / "compose.yaml")
    assert [host.name for host in topology.hosts] == ["server", "client"]
    assert topology.subnet is None
    assert topology.mtu == 1500
    assert topology.wire.cap_add == WIRE_CAPS
    assert topology.addresses() == {"server": "10.0.0.2/24", "client": "10.0.0.3/24"}


def test_the_projects_own_file_says_what_a_key_left_out_would_mean() -> None:
    """So that `docker compose up` by hand and a lab on Docker are alike."""
    written = compose.load(PROJECT / "compose.yaml")
    assert written.hosts[0].container == HostSpec("any").container
    assert written.wire == Topology.of("any").wire


def test_every_supported_key_arrives(tmp_path: Path) -> None:
    topology = load(
        tmp_path,
        services(
            """  server:
    image: mine:1
    networks: {lab: {ipv4_address: 10.9.0.5}}
    cap_add: [NET_ADMIN]
    cap_drop: [ALL]
    security_opt: ["seccomp=unconfined"]
    read_only: false
    tmpfs: /tmp:size=1m
    pids_limit: 7
    mem_limit: 64M
    cpus: "0.5"
    environment: [A=b=c]
    hostname: other
    init: true
    stop_signal: SIGTERM
    sysctls: {net.ipv4.tcp_sack: 0}""",
            """networks:
  lab: {driver_opts: {com.docker.network.driver.mtu: 1400}, ipam: {config: [{subnet: 10.9.0.0/24}]}}""",
        ),
    )
    (host,) = topology.hosts
    container = host.container
    assert (topology.mtu, topology.subnet, host.address) == (1400, "10.9.0.0/24", "10.9.0.5")
    assert host.sysctls == {"net.ipv4.tcp_sack": "0"}
    assert (container.image, container.cap_add, container.cap_drop, container.security_opt) == (
        "mine:1",
        ("NET_ADMIN",),
        ("ALL",),
        ("seccomp=unconfined",),
    )
    assert (container.read_only, container.tmpfs, container.pids_limit, container.mem_limit, container.cpus) == (
        False,
        ("/tmp:size=1m",),
        7,
        "64m",
        0.5,
    )
    assert (container.environment, container.hostname, container.init, container.stop_signal) == (
        {"A": "b=c"},
        "other",
        True,
        "SIGTERM",
    )


@pytest.mark.parametrize("more", ["scale: 3", "deploy: {replicas: 3}"])
def test_replicas_are_numbered(tmp_path: Path, more: str) -> None:
    topology = load(tmp_path, services(f"  server: {{networks: [lab]}}\n  client: {{networks: [lab], {more}}}"))
    assert [host.name for host in topology.hosts] == ["server", "client1", "client2", "client3"]


HOST = "  server: {networks: [lab]}"
SMALL = "{com.docker.network.driver.mtu: 1279}"


def ipam(*subnets: str, ipv6: bool = True) -> str:
    """A network with these subnets."""
    config = ", ".join(f"{{subnet: '{subnet}'}}" for subnet in subnets)
    return f"networks: {{lab: {{enable_ipv6: {str(ipv6).lower()}, ipam: {{config: [{config}]}}}}}}"


def asks(address: str, more: str = "") -> str:
    """A host that asks for an IPv6 address."""
    return f"  server: {{networks: {{lab: {{ipv6_address: '{address}'}}}}, {more}}}"


def test_ipv6_beside_ipv4(tmp_path: Path) -> None:
    text = services(f"{asks('fd00:1::a')}\n  client: {{networks: [lab]}}", ipam("10.9.0.0/24", "fd00:1::/64"))
    topology = load(tmp_path, text)
    assert (topology.ipv6, topology.subnet, topology.subnet6) == (True, "10.9.0.0/24", "fd00:1::/64")
    assert topology.addresses() == {"server": "10.9.0.2/24", "client": "10.9.0.3/24"}
    assert topology.addresses6() == {"server": "fd00:1::a/64", "client": "fd00:1::2/64"}


def test_the_lab_chooses_a_prefix_of_ipv6_that_is_always_the_same(tmp_path: Path) -> None:
    topology = load(tmp_path, services(HOST, "networks: {lab: {enable_ipv6: true}}"))
    assert topology.addresses6() == {"server": f"{PREFIX6.removesuffix('/64')}2/64"}
    assert IPv6Network(PREFIX6).subnet_of(IPv6Network("fd00::/8")), "RFC 4193 section 3.1"
    assert topology == load(tmp_path, services(HOST)).with_ipv6()


def test_two_spellings_of_one_address_are_one() -> None:
    hosts = (HostSpec("a", address6="fd00::5"), HostSpec("b", address6="fd00:0::0:5"))
    with pytest.raises(BadTopology, match="'a' and 'b' both"):
        Topology(hosts, ipv6=True, subnet6="fd00::/64")
    others = (HostSpec("a", address6="fd00:0::0:2"), HostSpec("b"))
    topology = Topology(others, ipv6=True, subnet6="fd00::/64")
    assert topology.addresses6() == {"a": "fd00::2/64", "b": "fd00::3/64"}


def test_without_ipv6_there_is_no_address_of_it() -> None:
    assert Topology.of("server").addresses6() == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("services: [", ["line 1"]),
        ("a: 1\na: 2\n", ["line 2", "'a'", "twice"]),
        ("- a\n", ["the file", "mapping"]),
        ("&a [*a]\n", ["alias"]),
        ("when: 2024-13-45\n", ["YAML"]),
        (f"services:\n{WIRE}\n{NETWORK}", ["no host"]),
        (services("  server: {networks: [lab], scale: 1024}"), ["1024 hosts", "1023"]),
        (f"services:\n{WIRE}{HOST}\n", ["'networks'"]),
        (services(HOST, "networks: {lab: {}, other: {}}"), ["2 networks", "lab, other"]),
        (services(HOST, NETWORK + "volumes: {x: {}}"), ["'volumes'"]),
        (services(HOST, "networks: {lab: {internal: false}}"), ["network 'lab'", "'internal'"]),
        (services(HOST, "networks: {lab: {driver: macvlan}}"), ["network 'lab'", "'driver'", "bridge"]),
        (services(HOST, "networks: {lab: {enable_ipv6: 1}}"), ["network 'lab'", "'enable_ipv6'", "true or false"]),
        (services(HOST, ipam("fd00::/64", ipv6=False)), ["fd00::/64", "IPv6", "enable_ipv6"]),
        (services(HOST, ipam("fd00::/64", "fd01::/64")), ["'ipam.config'", "one IPv6 subnet"]),
        (services(HOST, ipam("10.0.0.0/24", "10.0.1.0/24")), ["'ipam.config'", "one IPv4 subnet"]),
        (services(HOST, ipam("fd00::1/64")), ["fd00::1/64", "not an IPv6 network"]),
        (services(HOST, ipam("fd00::/126")), ["fd00::/126", "room"]),
        (services(HOST, ipam("fe80::/64")), ["fe80::/64", "hosts"]),
        (services(HOST, ipam("ff02::/64")), ["ff02::/64", "hosts"]),
        (services(asks("fd00::5")), ["'server'", "fd00::5", "off"]),
        (services(asks("fd00::5"), "networks: {lab: {enable_ipv6: true}}"), ["'server'", "fd00::5", "no IPv6 subnet"]),
        (services(asks("fd01::5"), ipam("fd00::/64")), ["'server'", "fd01::5", "fd00::2"]),
        (services(asks("fd00::1"), ipam("fd00::/64")), ["'server'", "fd00::1", "fd00::2"]),
        (services(asks("10.0.0.5"), ipam("fd00::/64")), ["'server'", "'10.0.0.5'", "IPv6 address"]),
        (services(asks("fd00::5%eth0"), ipam("fd00::/64")), ["'server'", "'fd00::5%eth0'", "IPv6 address"]),
        (services(asks("fd00::5", "scale: 2"), ipam("fd00::/64")), ["'server'", "share", "fd00::5"]),
        (services(HOST, "networks: {lab: {enable_ipv6: true, driver_opts: " + SMALL + "}}"), ["1279", "1280"]),
        (services(HOST, "networks: {lab: {ipam: {config: [{subnet: 10.0.0.300/24}]}}}"), ["10.0.0.300/24"]),
        (services(HOST, "networks: {lab: {ipam: {config: [{subnet: 10.0.0.0/30}]}}}"), ["10.0.0.0/30", "room"]),
        (services(HOST, "networks: {lab: {driver_opts: {com.docker.network.driver.mtu: 9}}}"), ["MTU", "9"]),
        (services("  server: {networks: [lab], ports: ['80:80']}"), ["service 'server'", "'ports'"]),
        (services("  server: {networks: [lab], user: root}"), ["service 'server'", "'user'"]),
        (services("  server: {networks: [other]}"), ["service 'server'", "'networks'", "'lab'"]),
        (services("  server: {}"), ["service 'server'", "'networks'"]),
        (services("  server: {networks: {lab: {aliases: a}}}"), ["service 'server'", "'networks.lab.aliases'", "list"]),
        (services("  server: {networks: {lab: {aliases: [a b]}}}"), ["'a b'", "alias"]),
        (services("  server: {networks: {lab: {priority: 1}}}"), ["service 'server'", "'priority'"]),
        (services("  server: {networks: {lab: {aliases: [b]}}}\n  b: {networks: [lab]}"), ["'server'", "'b'"]),
        (services("  server: {networks: [lab], cap_add: ALL}"), ["service 'server'", "'cap_add'", "list"]),
        (services("  server: {networks: [lab], read_only: 'yes'}"), ["service 'server'", "'read_only'", "true"]),
        (services("  server: {networks: [lab], pids_limit: many}"), ["service 'server'", "'pids_limit'", "'many'"]),
        (services("  server: {networks: [lab], mem_limit: lots}"), ["service 'server'", "'mem_limit'", "256m"]),
        (services("  server: {networks: [lab], cpus: .nan}"), ["service 'server'", "'cpus'"]),
        (services("  server: {networks: [lab], command: sh}"), ["service 'server'", "'command'", "badwire.agent host"]),
        (services("  server: {networks: [lab], stdin_open: false}"), ["service 'server'", "'stdin_open'"]),
        (services("  server: {networks: [lab], build: {context: .}}"), ["service 'server'", "'build'"]),
        (services("  server: {networks: [lab], environment: {A: $HOME}}"), ["$HOME", "variable"]),
        (services("  server: {networks: [lab], sysctls: {kernel.hostname: a}}"), ["'server'", "kernel.hostname"]),
        (services("  server: {networks: [lab], sysctls: [net.ipv4.tcp_sack]}"), ["'sysctls'", "name=value"]),
        (services("  server: {networks: [lab], scale: 2, deploy: {replicas: 2}}"), ["'scale'", "'deploy.replicas'"]),
        (services("  server: {networks: [lab], deploy: {mode: global}}"), ["'deploy'", "'mode'"]),
        (services(f"  {'a' * 64}: {{networks: [lab]}}"), ["a" * 64, "1 to 63"]),
        (services("  localhost: {networks: [lab]}"), ["'localhost'", "one of here, lo, localhost, port, wire"]),
        (services("  server: {networks: [lab], hostname: a/b}"), ["'a/b'", "hostname"]),
        (services(f"{HOST}\n  Server: {{networks: [lab]}}"), ["'server'", "'Server'", "case"]),
        (
            services(f"{HOST}\n  server1: {{networks: [lab]}}".replace("[lab]}", "[lab], scale: 2}", 1)),
            ["server1"],
        ),
        (f"services:\n  wire: {{}}\n{HOST}\n{NETWORK}", ["service 'wire'", "'network_mode'"]),
        (f"services:\n  wire: {{network_mode: host, sysctls: {{}}}}\n{HOST}\n{NETWORK}", ["'wire'", "'sysctls'"]),
    ],
)
def test_what_is_not_supported_is_named(tmp_path: Path, text: str, names: list[str]) -> None:
    sentence = refusal(tmp_path, text)
    for name in names:
        assert name in sentence


def test_everything_that_is_not_supported_is_named_at_once(tmp_path: Path) -> None:
    text = """
services:
  db: {image: 'db:${TAG}', ports: ['80:80'], healthcheck: {}, mem_limit: lots, networks: [lab]}
  web: {command: sh, networks: [other], deploy: {mode: global}}
  cache: 7
  wire: {}
volumes: {data: {}}
networks: {lab: {internal: false}}
"""
    sentence = refusal(tmp_path, text)
    assert sentence.startswith("compose.yaml: the lab cannot honour 9 settings: ")
    problems = sentence.partition("settings: ")[2].split("; ")
    for words in (
        ["'db:${TAG}'", "variable"],
        ["the file", "'volumes'"],
        ["network 'lab'", "'internal'"],
        ["service 'db'", "'ports', 'healthcheck'"],
        ["service 'db'", "'mem_limit'", "256m"],
        ["service 'web'", "'command'"],
        ["service 'web'", "'deploy'", "'mode'"],
        ["service 'cache'", "mapping"],
        ["service 'wire'", "'network_mode'"],
    ):
        assert any(all(word in problem for word in words) for problem in problems), words


def test_the_wire_may_be_left_out_and_the_network_too(tmp_path: Path) -> None:
    without_wire = load(tmp_path, f"services:\n{HOST}\n{NETWORK}")
    assert without_wire == load(tmp_path, services(HOST))
    assert load(tmp_path, "services: {server: {}}") == without_wire
    assert "the file has no networks" in refusal(tmp_path, f"services:\n{HOST}\n")


@pytest.mark.parametrize(
    ("addresses", "subnet", "names"),
    [
        (("10.0.0.5", "10.0.0.5"), "10.0.0.0/24", ["'a' and 'b'", "10.0.0.5"]),
        (("10.1.0.5",), "10.0.0.0/24", ["'a'", "10.1.0.5"]),
        (("10.0.0.1",), "10.0.0.0/24", ["10.0.0.1", "10.0.0.2"]),
        (("10.0.0.255",), "10.0.0.0/24", ["10.0.0.255"]),
        (("ten",), "10.0.0.0/24", ["'ten'"]),
        (("10.0.0.5",), None, ["'a'", "no subnet"]),
        ((None,) * 6, "10.0.0.0/29", ["too small"]),
    ],
)
def test_addresses_that_cannot_be(addresses: tuple[str | None, ...], subnet: str | None, names: list[str]) -> None:
    with pytest.raises(BadTopology) as caught:
        Topology(tuple(HostSpec("abcdef"[i], address=address) for i, address in enumerate(addresses)), subnet)
    for name in names:
        assert name in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadTopology, match="cannot be read: No such file"):
        compose.load(tmp_path / "compose.yaml")


def test_addresses_pass_over_those_asked_for() -> None:
    topology = Topology((HostSpec("a"), HostSpec("b", address="10.0.0.2"), HostSpec("c")), "10.0.0.0/24")
    assert topology.addresses() == {"a": "10.0.0.3/24", "b": "10.0.0.2/24", "c": "10.0.0.4/24"}


def test_the_network_grows_with_its_hosts_when_it_is_ours_to_choose() -> None:
    addresses = Topology.of("a").with_hosts(a=300).addresses()
    assert len(set(addresses.values())) == 300
    assert addresses["a300"].endswith("/23")


@pytest.mark.parametrize(
    "name",
    ["a" * 63, "my_server", "Redis-6.2", "db.internal.example", "3proxy", "_dns", "x", "a-b_c.d", "wire1"],
)
def test_names_that_a_host_can_have(name: str) -> None:
    assert Topology.of(name, "other").hosts[0].name == name


@pytest.mark.parametrize(
    "name",
    ["", "a" * 64, "a b", "a..b", ".a", "a.", "-a", "a-", "a/b", "näme", "10.0.0.1", "7", "0x7f", "10.1", "Wire"],
)
def test_names_that_a_host_cannot_have(name: str) -> None:
    with pytest.raises(BadTopology, match="cannot be a host's name"):
        HostSpec(name)


def test_a_host_has_its_names_once_and_copies_share_the_name_that_they_are_copies_of(tmp_path: Path) -> None:
    topology = load(
        tmp_path,
        services("  server: {networks: {lab: {aliases: [web, server]}}, hostname: www, scale: 2}"),
    )
    assert [host.names for host in topology.hosts] == [
        ("server1", "www", "server", "web"),
        ("server2", "www", "server", "web"),
    ]


def test_more_of_a_host_whose_name_is_no_identifier() -> None:
    topology = Topology.of("my-db.a", "my_db")
    assert [host.name for host in topology.with_hosts(my_db_a=2).hosts] == ["my-db.a1", "my-db.a2", "my_db"]
    assert [host.name for host in topology.with_hosts(my_db=2).hosts] == ["my-db.a", "my_db1", "my_db2"]
    assert [host.name for host in topology.with_hosts(**{"my-db.a": 0}).hosts] == ["my_db"]


def test_more_of_a_host() -> None:
    topology = Topology.of("server", "client")
    assert [host.name for host in topology.with_hosts(client=2).hosts] == ["server", "client1", "client2"]
    assert [host.name for host in topology.with_hosts(client=0).hosts] == ["server"]
    with pytest.raises(BadTopology, match="no host 'cleint'"):
        topology.with_hosts(cleint=2)


def test_further_addresses_come_after_the_first_ones_of_all_hosts() -> None:
    topology = Topology.of("server", "client", ipv6=True).with_addresses(server=3)
    assert topology.addresses() == Topology.of("server", "client").addresses()
    assert topology.all_addresses() == {
        "server": ["10.0.0.2/24", "10.0.0.4/24", "10.0.0.5/24"],
        "client": ["10.0.0.3/24"],
    }
    assert [each.partition("::")[2] for each in topology.all_addresses6()["server"]] == ["2/64", "4/64", "5/64"]
    assert [host.names_of_further for host in topology.hosts] == [("server.2", "server.3"), ()]


def test_further_addresses_that_are_asked_for() -> None:
    further = ("10.0.0.3", "fd00::3", "10.0.0.9")
    hosts = (HostSpec("a", addresses=4, further=further), HostSpec("b"))
    topology = Topology(hosts, "10.0.0.0/24", ipv6=True, subnet6="fd00::/64")
    assert topology.all_addresses() == {
        "a": ["10.0.0.2/24", "10.0.0.3/24", "10.0.0.9/24", "10.0.0.5/24"],
        "b": ["10.0.0.4/24"],
    }
    assert topology.all_addresses6()["a"] == ["fd00::2/64", "fd00::3/64", "fd00::5/64", "fd00::6/64"]


def test_copies_have_as_many_addresses_and_a_name_of_several_hosts_means_all() -> None:
    topology = Topology.of("my-server", "client").with_hosts(client=2).with_addresses(client=2, my_server=3)
    assert [(host.name, host.addresses) for host in topology.hosts] == [
        ("my-server", 3),
        ("client1", 2),
        ("client2", 2),
    ]
    with pytest.raises(BadTopology, match="no host 'cleint'; there are my-server, client"):
        Topology.of("my-server", "client").with_addresses(cleint=2)


def test_the_network_grows_with_its_addresses() -> None:
    addresses = Topology.of("a", "b").with_addresses(a=254).all_addresses()
    assert len(set(addresses["a"])) == 254 and addresses["b"][0].endswith("/23")


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        ({"addresses": 0}, "host 'server' cannot have 0 addresses; give a number from 1 to 255"),
        ({"addresses": 256}, "cannot have 256 addresses"),
        ({"further": ("10.0.0.x",)}, "host 'server': '10.0.0.x' is neither an IPv4 nor an IPv6 address"),
        ({"further": ("10.0.0.2/24",)}, "'10.0.0.2/24' is neither"),
        ({"further": ("10.0.1.5",)}, "host 'server': 10.0.1.5 is not for a host in 10.0.0.0/28; start at 10.0.0.2"),
        ({"further": ("10.0.0.1",)}, "10.0.0.1 is not for a host"),
        ({"further": ("10.0.0.5", "10.0.0.5")}, "host 'server' asks for 10.0.0.5 twice"),
        ({"address": "10.0.0.5", "further": ("10.0.0.5",)}, "host 'server' asks for 10.0.0.5 twice"),
        ({"further": ("10.0.0.3",)}, "hosts 'server' and 'client' both ask for 10.0.0.3"),
        ({"further": ("fd00::5",)}, "host 'server' asks for fd00::5, but IPv6 is off"),
        ({"addresses": 20}, "10.0.0.0/28 is too small for 21 addresses of hosts and a gateway"),
        ({"name": "x", "addresses": 2, "aliases": ("client.2",)}, ""),
    ],
)
def test_further_addresses_that_no_host_can_have(server: dict[str, Any], sentence: str) -> None:
    def made() -> Topology:
        return Topology(
            (HostSpec(**{"name": "server", **server}), HostSpec("client", address="10.0.0.3")), "10.0.0.0/28"
        )

    if not sentence:
        assert made().hosts[0].names_of_further == ("x.2",)
        return
    with pytest.raises(BadTopology) as refused:
        made()
    assert sentence in str(refused.value)


def test_a_further_address_needs_a_subnet_to_be_in() -> None:
    with pytest.raises(BadTopology, match=r"host 'a' asks for 10.0.0.5, but the network has no subnet"):
        Topology((HostSpec("a", further=("10.0.0.5",)),))
    with pytest.raises(BadTopology, match="host 'a' asks for fd00::5, but the network has no IPv6 subnet"):
        Topology((HostSpec("a", further=("fd00::5",)),), ipv6=True)
    with pytest.raises(BadTopology, match=r"2 hosts cannot share the address 10.0.0.5"):
        Topology((HostSpec("a", further=("10.0.0.5",)),), "10.0.0.0/24").with_hosts(a=2)


@pytest.mark.parametrize("other", [{"name": "A.2"}, {"name": "b", "aliases": ("a.2",)}])
def test_a_name_of_an_address_is_nobody_elses(other: dict[str, Any]) -> None:
    with pytest.raises(BadTopology, match=r"'a.2' is the name of an address of host 'a'; rename the other one"):
        Topology((HostSpec("a", addresses=2), HostSpec(**other)))


@pytest.mark.parametrize(
    ("value", "addresses", "further"),
    [
        ("2", 2, ()),
        ('"3"', 3, ()),
        ("[10.9.0.7]", 1, ("10.9.0.7",)),
        ("[10.9.0.7, 10.9.0.8]", 1, ("10.9.0.7", "10.9.0.8")),
    ],
)
def test_further_addresses_in_a_file(tmp_path: Path, value: str, addresses: int, further: tuple[str, ...]) -> None:
    network = "networks: {lab: {internal: true, ipam: {config: [{subnet: 10.9.0.0/24}]}}}"
    found = load(tmp_path, services(f"  a: {{networks: {{lab: {{x-addresses: {value}}}}}}}", network)).hosts[0]
    assert (found.addresses, found.further) == (addresses, further)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("two", "service 'a': 'networks.lab.x-addresses' must be"),
        ("true", "'networks.lab.x-addresses' must be"),
        ("-1", "'networks.lab.x-addresses' must be"),
        ("{}", "'networks.lab.x-addresses' must be"),
        ("[1]", "'networks.lab.x-addresses'"),
        ("0", "cannot have 0 addresses"),
        ("[nowhere]", "'nowhere' is neither an IPv4 nor an IPv6 address"),
    ],
)
def test_wrong_further_addresses_in_a_file(tmp_path: Path, value: str, sentence: str) -> None:
    with pytest.raises(BadTopology) as refused:
        load(tmp_path, services(f"  a: {{networks: {{lab: {{x-addresses: {value}}}}}}}"))
    assert sentence in str(refused.value)
