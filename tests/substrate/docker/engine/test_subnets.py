"""The subnet of a lab on docker is one that is not in use."""

from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import IPv4Network
from pathlib import Path

import docker
import pytest
from docker.types import IPAMConfig, IPAMPool

from badwire.errors import MachineError
from badwire.substrate.docker import subnets
from badwire.substrate.docker.substrate import Docker
from badwire.testbed import open_lab
from badwire.topology.topology import Topology

TAKEN = "198.19.3.0/24"


@pytest.fixture
def taken(engine: docker.APIClient) -> Iterator[str]:
    ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=TAKEN)])
    made = engine.create_network("badwire-test-taken", driver="bridge", internal=True, ipam=ipam)
    yield made["Id"]
    engine.remove_network(made["Id"])


def test_one_that_a_network_of_the_engine_has_is_passed_over(engine: docker.APIClient, taken: str) -> None:
    free = list(subnets.free(engine, 24, 2))
    assert TAKEN not in free
    assert {"198.19.2.0/24", "198.19.4.0/24"} & set(free)
    larger = list(subnets.free(engine, 22, 0))
    assert "198.19.0.0/22" not in larger
    assert all(IPv4Network(subnet).prefixlen == 22 for subnet in larger)


def test_one_that_this_machine_has_a_route_to_is_passed_over(
    engine: docker.APIClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A route to 198.19.64.0/18, and the default route, as /proc/net/route has them."""
    routes = tmp_path / "route"
    routes.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "tun0\t004013C6\t00000000\t0001\t0\t0\t0\t00C0FFFF\t0\t0\t0\n"
    )
    monkeypatch.setattr(subnets, "_ROUTES", routes)
    free = [IPv4Network(subnet) for subnet in subnets.free(engine, 24, 0)]
    assert free
    assert not [subnet for subnet in free if subnet.subnet_of(IPv4Network("198.19.64.0/18"))]


def test_when_the_pool_is_used_up_the_sentence_says_so(
    engine: docker.APIClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(subnets, "free", lambda *_: iter(()))
    with (
        pytest.raises(
            MachineError, match=r"made no network: every subnet of 198\.19\.0\.0/16 is in use; remove unused"
        ),
        open_lab(Topology.of("server"), Docker(), folder=tmp_path / "run"),
    ):
        pass


def test_labs_at_the_same_time_have_different_addresses(engine: docker.APIClient, tmp_path: Path) -> None:
    with ExitStack() as undo:
        labs = [
            undo.enter_context(open_lab(Topology.of("server"), Docker(), folder=tmp_path / str(number)))
            for number in range(2)
        ]
        addresses = {lab.host("server").address for lab in labs}
        assert len(addresses) == 2
        assert all(address.startswith("198.19.") for address in addresses)
