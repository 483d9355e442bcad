"""Every host finds every other by its names, the same on every substrate, and no lookup waits for a name server."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from badwire.errors import BadOption
from badwire.evidence import Evidence
from badwire.faults import Delay
from badwire.report.story import story
from badwire.store import captures
from badwire.substrate.substrate import Substrate
from badwire.testbed import Lab, open_lab
from badwire.testbed.host import Host
from badwire.topology.topology import Container, HostSpec, Topology, copies

LONGEST = "a-service_of.some-project.with.the_longest-name.that-a.host_has"
WAITS = 5.0  # seconds that a resolver waits for a name server by default (resolv.conf(5), timeout)

NAMED = Topology(
    (
        HostSpec("server", aliases=("www", "web.internal")),
        HostSpec(LONGEST),
        HostSpec("Redis_6.2", container=Container(hostname="redis-0")),
        *copies(HostSpec("client", aliases=("anyone",)), 2),
    )
)
ADDRESSED = {
    "server": ("server", "www", "web.internal"),
    LONGEST: (LONGEST,),
    "Redis_6.2": ("Redis_6.2", "redis-0"),
    "client1": ("client1",),
    "client2": ("client2",),
}
HOSTNAME = {"Redis_6.2": "redis-0"}  # of the hosts whose hostname is not their name


@pytest.fixture
def named(substrate: Substrate, tmp_path: Path) -> Iterator[Lab]:
    with open_lab(NAMED, substrate, folder=tmp_path / "run") as running:
        yield running


def lookup(host: Host, name: str) -> list[str]:
    """The addresses of a name, as every program gets them that asks the system."""
    ended = host.run("/usr/bin/getent", "ahostsv4", name)
    assert ended.err == ""
    return sorted({line.split()[0] for line in ended.out.splitlines()})


def test_every_host_finds_every_other_and_itself_by_all_its_names(named: Lab) -> None:
    ask = "import socket, sys\nfor name in sys.argv[1:]: print(name, socket.gethostbyname(name))"
    expected = {name: named.host(host).address for host, names in ADDRESSED.items() for name in names}
    for host in named.hosts.values():
        answered = host.run("/usr/bin/python3", "-c", ask, *expected)
        assert answered.err == ""
        assert dict(line.split() for line in answered.out.splitlines()) == expected, host.name


def test_a_host_knows_its_own_name(named: Lab) -> None:
    own = "import socket; print(socket.gethostname(), socket.gethostbyname(socket.gethostname()))"
    for host in named.hosts.values():
        hostname = HOSTNAME.get(host.name, host.name)
        assert host.run("/usr/bin/python3", "-c", own).out == f"{hostname} {host.address}\n"
        assert host.run("/bin/cat", "/etc/hostname").out == f"{hostname}\n"


def test_a_name_that_several_hosts_have_stands_for_all_of_them(named: Lab) -> None:
    both = sorted(named.host(name).address for name in ("client1", "client2"))
    for name in ("client", "anyone"):
        assert lookup(named.host("server"), name) == both
    with pytest.raises(BadOption, match=r"\{client\} stands for 2 hosts"):
        named.host("server").run("/bin/echo", "{client}")


def test_localhost_is_the_host_itself(named: Lab) -> None:
    assert lookup(named.host("client1"), "localhost") == ["127.0.0.1"]


def test_a_name_that_nobody_has_is_unknown_at_once_and_asks_nobody(
    lab: Lab,
) -> None:
    began = time.monotonic()
    for name in ("nobody", "nobody.example.com"):
        assert lab.host("client").run("/usr/bin/getent", "hosts", name).status == 2  # getent(1): not found
    assert time.monotonic() - began < WAITS
    assert len(lab.evidence().frames()) == 0


def test_names_are_filled_in_wherever_a_program_has_arguments(named: Lab) -> None:
    client = named.host("client1")
    server, redis = named.host("server").address, named.host("Redis_6.2").address
    said = client.run("/bin/echo", "http://{www}:{port}/", "{Redis_6.2}", "{nobody}", "{print $1}", port=80).out
    assert said == f"http://{server}:80/ {redis} {{nobody}} {{print $1}}\n"
    started = client.start("/bin/echo", "{server}", ready=False)
    assert started.wait().out == f"{server}\n"


def test_a_reference_program_takes_a_name(named: Lab) -> None:
    named.host(LONGEST).start("echo_serial", 7000)
    for name in (LONGEST, "{" + LONGEST + "}"):
        assert named.host("client1").run("send_and_verify", name, 7000).status == 0


def test_what_a_host_has_done_is_kept_under_its_name_whatever_that_is(substrate: Substrate, tmp_path: Path) -> None:
    topology = replace(NAMED, hosts=NAMED.hosts[1:4])
    with open_lab(topology, substrate, folder=tmp_path / "run") as lab:
        server, client = lab.host(LONGEST), lab.host("Redis_6.2")
        with lab.wire.fault(Delay(0.01), toward=server):
            server.listen(7000)
            client.connect(server.at(7000))
            client.wait_until(state="ESTABLISHED")
        client.run("/bin/echo", "kept")
    seen = Evidence.load(tmp_path / "run")
    (fault, lifted) = [record for record in seen.records if record["kind"] == "fault"]
    assert fault["toward"] == lifted["toward"] == LONGEST
    assert {side.host for side in seen.connection(7000).sides} == {LONGEST, "Redis_6.2"}
    assert (tmp_path / "run" / captures.of_host(LONGEST)).stat().st_size > 0
    assert (tmp_path / "run" / "programs" / "Redis_6.2-1-echo.out").read_text() == "kept\n"
    assert LONGEST in {event.host for event in story(seen).events}
