"""Several addresses on a host, the same on every substrate: names, sources, programs, faults, evidence, pages."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from badwire.claims import HOLDS, never
from badwire.errors import BadOption
from badwire.evidence import Evidence
from badwire.faults import Fault, Nth, Partition
from badwire.report import text
from badwire.report.story import story
from badwire.substrate.substrate import Substrate
from badwire.testbed import Lab, open_lab
from badwire.topology import compose
from badwire.topology.topology import HostSpec, Topology

PYTHON = "/usr/bin/python3"
PORT = 7000
HOSTS = (HostSpec("server", addresses=3, aliases=("www",)), HostSpec("client", addresses=2))
PREFIX6 = "fd4f:1c00:c450::"
# Prints what each name stands for.
LOOK_UP = """
import socket, sys
for name in sys.argv[1:]:
    print(name, *sorted({each[4][0] for each in socket.getaddrinfo(name, 80)}))
"""
# Prints the address from which each address is reached.
SOURCES = """
import socket, sys
for address in sys.argv[1:]:
    end = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    end.connect((address, 9))
    print(end.getsockname()[0])
"""
COMPOSED = """
services:
  server: {networks: {lab: {ipv4_address: 198.18.77.10, x-addresses: [198.18.77.20, "fd00:77::20"]}}}
  client: {networks: {lab: {x-addresses: 2}}}
networks:
  lab: {internal: true, enable_ipv6: true, ipam: {config: [{subnet: 198.18.77.0/24}, {subnet: "fd00:77::/64"}]}}
"""
Several = Callable[..., AbstractContextManager[Lab]]


@pytest.fixture
def several(substrate: Substrate, tmp_path: Path) -> Several:
    """Opens labs with three addresses on the server and two on the client."""

    def opened(**how: Any) -> AbstractContextManager[Lab]:
        return open_lab(Topology(HOSTS), substrate, folder=tmp_path / "run", **how)

    return opened


def test_each_address_has_a_name_and_the_first_is_used(several: Several) -> None:
    with several(ipv6=True) as lab:
        server, client = lab.host("server"), lab.host("client")
        assert server.addresses6 == (f"{PREFIX6}2", f"{PREFIX6}4", f"{PREFIX6}6")
        assert (client.addresses[0], client.addresses6[0]) == (client.address, client.address6)
        assert len({*server.addresses, *client.addresses}) == 5
        for host in (server, client):
            found = host.run(PYTHON, "-c", LOOK_UP, "server", "www", "server.2", "server.3", "client.2").out.split("\n")
            assert found[0] == f"server {server.address} {server.address6}"
            assert found[1] == f"www {server.address} {server.address6}"
            assert found[2] == f"server.2 {server.addresses[1]} {server.addresses6[1]}"
            assert found[3] == f"server.3 {server.addresses[2]} {server.addresses6[2]}"
            assert found[4] == f"client.2 {client.addresses[1]} {client.addresses6[1]}"
        printed = client.run("/bin/echo", "{server}", "{server.2}", "{server.2.address6}", "{server.4}").out
        assert printed == f"{server.address} {server.addresses[1]} {server.addresses6[1]} {{server.4}}\n"
        sources = client.run(PYTHON, "-c", SOURCES, *server.addresses, *server.addresses6).out.split()
        assert sources == [client.address] * 3 + [client.address6] * 3


def test_a_connection_belongs_to_its_addresses(several: Several, tmp_path: Path) -> None:
    """Sockets with the same two ports are told apart, over either family, and so are their calls' ends."""
    with several(ipv6=True) as lab:
        server, client = lab.host("server"), lab.host("client")
        listener = server.listen(PORT, family=6)
        made = []
        for source, end in (
            (client.addresses[0], server.at(PORT)),
            (client.addresses[0], server.at(PORT, 3)),
            (client.addresses[1], server.at(PORT, 3)),
            (client.addresses6[1], server.at6(PORT, 2)),
        ):
            connecting = client.socket(family=6 if ":" in source else 4)
            connecting.set_option("SOL_SOCKET", "SO_REUSEADDR", 1)
            connecting.bind(5000, source)
            assert connecting.connect(end).errno is None
            made.append((connecting, listener.accept(), source, end[0]))
        for number, (connecting, accepted, _, _) in enumerate(made):
            connecting.send(bytes(100 + number))
            assert len(accepted.recv().value) == 100 + number
        made[1][0].close()
        server.wait_until(state="CLOSE_WAIT", port=PORT)
        run = lab.evidence()
        assert run.addresses("server")[:3] == (server.address, server.address6, server.addresses[1])
    found = run.connections(PORT)
    assert len(found) == 4
    for connection, (_, _, source, address) in zip(found, made, strict=True):
        assert (connection.client.host, connection.client.address) == ("client", source)
        assert (connection.server.host, connection.server.address) == ("server", address)
        assert connection.server.socket.local == (address, PORT)
        assert connection.client.socket.local == (source, 5000)
        assert connection.client.socket.remote == (address, PORT)
    assert found.map(lambda each: len(each.client.data)) == (100, 101, 102, 103)
    assert found.map(lambda each: "CLOSE_WAIT" in each.server.states) == (False, True, False, False)
    saved = Evidence.load(tmp_path / "run")
    assert saved.further["client"] == [made[2][2], made[3][2]]
    assert never("a reset", saved.segments(flags="R"), saved).verdict is HOLDS
    shown = "\n".join(text.show(story(saved)))
    assert made[3][2] in shown and made[2][3] in shown


def test_a_program_at_one_address(several: Several) -> None:
    with several() as lab:
        server, client = lab.host("server"), lab.host("client")
        server.start("echo_serial", server.addresses[1], PORT)
        served = server.start(PYTHON, "-m", "http.server", "{port}", "--bind", "{server.3}", port=8000)
        assert client.run("send_and_verify", server.at(PORT, 2)).status == 0
        assert client.run("send_and_verify", server.at(PORT)).status != 0
        assert client.run("/usr/bin/python3", "-c", LOOK_UP, "server.3").out.split() == [
            "server.3",
            server.addresses[2],
        ]
        refused = client.connect(server.at(8000, 2)), client.connect(server.at(8000, 3))
        assert [each.ask_state().errno is None for each in refused] == [True, True]
        served.interrupt()
        with pytest.raises(BadOption, match=r"server has no address number 4, only .*addresses={'server': 4}"):
            server.at(PORT, 4)
        with pytest.raises(BadOption, match="server has no address number 0"):
            server.at(PORT, 0)
        with pytest.raises(BadOption, match="ipv6=True"):
            server.at6(PORT, 2)
        assert server.addresses6 == ()
        run = lab.evidence()
    assert run.host("client").calls("connect").map(lambda each: each.errno) == ("ECONNREFUSED", None)


@pytest.mark.parametrize("fault", [Partition(), Nth(1, times=None, protocol="udp")], ids=["partition", "nth"])
def test_a_fault_toward_a_host_meets_what_is_for_any_of_its_addresses(several: Several, fault: Fault) -> None:
    with several(ipv6=True) as lab:
        server, client = lab.host("server"), lab.host("client")
        senders = {4: client.socket("udp"), 6: client.socket("udp", family=6)}
        ends = [(4, server.at(PORT, 2)), (4, server.at(PORT, 3)), (6, server.at6(PORT, 2)), (6, server.at6(PORT, 3))]
        for family, end in ends:
            senders[family].sendto(b"before", end)
        server.socket("udp", PORT, family=6)
        with lab.wire.fault(fault, toward=server):
            for family, end in ends:
                senders[family].sendto(b"lost", end)
        for family, end in ends:
            senders[family].sendto(b"after", end)
        run = lab.evidence()
    sent = run.datagrams("client", "server", port=PORT)
    assert sent.map(lambda each: each.udp and each.udp.captured) == (b"before",) * 4 + (b"lost",) * 4 + (b"after",) * 4
    assert sent.map(lambda each: bool(each.delivered_at)) == (True,) * 4 + (False,) * 4 + (True,) * 4


def test_a_compose_file_with_further_addresses(substrate: Substrate, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(COMPOSED)
    with open_lab(compose.load(file), substrate, folder=tmp_path / "run") as lab:
        server, client = lab.host("server"), lab.host("client")
        assert server.addresses == ("198.18.77.10", "198.18.77.20")
        assert server.addresses6 == ("fd00:77::2", "fd00:77::20")
        assert client.addresses == ("198.18.77.2", "198.18.77.3")
        assert client.addresses6 == ("fd00:77::3", "fd00:77::4")
        server.start("echo_serial", "::", PORT)
        for end in (server.at(PORT, 2), server.at6(PORT, 2)):
            assert client.run("send_and_verify", end).status == 0


def test_metrics_are_those_of_every_address(several: Several) -> None:
    with several(ipv6=True, routes={"client": {"initcwnd": 1}}) as lab:
        server, client = lab.host("server"), lab.host("client")
        server.listen(PORT, family=6)
        for end in (server.at(PORT, 2), server.at6(PORT, 3)):
            client.connect(end)
        client.wait_until(state="ESTABLISHED", port=PORT, count=2)
        run = lab.evidence()
    for connection in run.connections(PORT):
        assert connection.client.socket.info("ESTABLISHED", "snd_cwnd").first == (1,)
