"""A lab on a real engine: what its containers are, and that nothing of them stays."""

import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from badwire.agent.host.defaults import sysctls
from badwire.errors import BadOption, ImageError, MachineError
from badwire.substrate.docker.substrate import Docker
from badwire.substrate.substrate import AgentStreams, Stream
from badwire.topology.topology import HOST_CAPS, Container, HostSpec, Topology
from badwire.util.owner import OWNER, RUN, owner
from tests.pace import HANG

PAIR = Topology.of("server", "client")


def up(
    undo: ExitStack,
    topology: Topology = PAIR,
    sysctls: Mapping[str, Mapping[str, str]] = {},
    mounts: Sequence[Path] = (),
) -> AgentStreams:
    return Docker().up(topology, sysctls, mounts, undo)


def ask(stream: Stream, do: str) -> Any:
    stream.send(json.dumps({"id": 1, "do": do}).encode() + b"\n")
    reply = b""
    while not reply.endswith(b"\n"):
        data = stream.recv()
        assert data, stream.stderr_tail()
        reply += data
    return json.loads(reply)["ok"]


def ours(engine: docker.APIClient) -> dict[str, dict[str, Any]]:
    """The containers of this process's labs, by host name."""
    found = engine.containers(all=True, filters={"label": f"{OWNER}={owner()}"})
    return {entry["Names"][0].rsplit("-", 1)[1]: engine.inspect_container(entry["Id"]) for entry in found}


def networks(engine: docker.APIClient) -> list[dict[str, Any]]:
    return list(engine.networks(filters={"label": f"{OWNER}={owner()}"}))


def test_agents_answer_and_nothing_stays(engine: docker.APIClient) -> None:
    with ExitStack() as undo:
        streams = up(undo)
        assert list(streams.hosts) == ["server", "client"]
        for stream in streams.hosts.values():
            assert ask(stream, "hello")["interface"]["address"]
        (network,) = networks(engine)
        assert streams.bridge == f"br-{network['Id'][:12]}"
        assert sorted(ours(engine)) == ["client", "server", "wire"]
    assert ours(engine) == {}
    assert networks(engine) == []


def test_containers_have_no_more_than_they_need(engine: docker.APIClient) -> None:
    with ExitStack() as undo:
        up(undo)
        for name, container in ours(engine).items():
            config, limits = container["Config"], container["HostConfig"]
            assert limits["CapDrop"] == ["ALL"]
            assert limits["ReadonlyRootfs"]
            assert limits["SecurityOpt"] == ["no-new-privileges:true"]
            assert limits["PidsLimit"] > 0 and limits["Memory"] > 0
            assert "size=64m" in limits["Tmpfs"]["/tmp"]
            assert not limits["Privileged"] and not limits["PortBindings"]
            assert config["StdinOnce"] and not config["Tty"]
            assert set(config["Labels"]) >= {RUN, OWNER}
            if name != "wire":
                assert config["Hostname"] == name
                assert {cap.removeprefix("CAP_") for cap in limits["CapAdd"]} == set(HOST_CAPS)
        assert networks(engine)[0]["Internal"]


def test_what_the_file_says_reaches_the_container(engine: docker.APIClient) -> None:
    spec = replace(
        Container(),
        pids_limit=99,
        mem_limit="77m",
        cpus=0.5,
        environment={"A": "b"},
        hostname="other",
        init=True,
        stop_signal="SIGTERM",
    )
    host = HostSpec("server", {"net.ipv4.tcp_sack": "0", "net.ipv4.tcp_fin_timeout": "11"}, container=spec)
    with ExitStack() as undo:
        up(undo, Topology((host,), mtu=1400), {"server": {"net.ipv4.tcp_fin_timeout": "22"}})
        container = ours(engine)["server"]
        config, limits = container["Config"], container["HostConfig"]
        assert (limits["PidsLimit"], limits["Memory"], limits["NanoCpus"]) == (99, 77 * 2**20, 500_000_000)
        assert (config["Hostname"], config["StopSignal"], limits["Init"]) == ("other", "SIGTERM", True)
        assert "A=b" in config["Env"]
        own = {"net.ipv4.tcp_sack": "0", "net.ipv4.tcp_fin_timeout": "22"}
        assert limits["Sysctls"] == {**sysctls(0), **own}
        assert run(engine, container, "cat", "/proc/sys/net/ipv4/tcp_fin_timeout") == "22\n"
        assert run(engine, container, "cat", "/sys/class/net/eth0/mtu") == "1400\n"


def test_addresses_asked_for(engine: docker.APIClient) -> None:
    hosts = (HostSpec("a"), HostSpec("b", address="10.213.7.2"), HostSpec("c"))
    with ExitStack() as undo:
        streams = up(undo, Topology(hosts, "10.213.7.0/24"))
        found = {name: ask(stream, "hello")["interface"]["address"] for name, stream in streams.hosts.items()}
    assert found == {"a": "10.213.7.3/24", "b": "10.213.7.2/24", "c": "10.213.7.4/24"}


def test_the_users_files_are_there_read_only(engine: docker.APIClient, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("my program\n")
    with ExitStack() as undo:
        up(undo, mounts=[tmp_path])
        container = ours(engine)["server"]
        assert run(engine, container, "cat", f"{tmp_path}/mine") == "my program\n"
        assert "Read-only" in run(engine, container, "touch", f"{tmp_path}/other")


def test_an_agent_ends_with_its_stream(engine: docker.APIClient) -> None:
    with ExitStack() as undo:
        streams = up(undo)
        identity = ours(engine)["server"]["Id"]
        streams.hosts["server"].close()
        engine.wait(identity, timeout=int(HANG), condition="not-running")
        assert ask(streams.hosts["client"], "hello")


def test_the_stderr_of_an_agent(engine: docker.APIClient) -> None:
    with ExitStack() as undo:
        stream = up(undo).hosts["server"]
        stream.send(b"this is no message\n")
        while stream.recv():
            pass
        assert "Error" in stream.stderr_tail()


def test_a_killed_container_is_the_end_of_its_stream(engine: docker.APIClient) -> None:
    with ExitStack() as undo:
        stream = up(undo).hosts["client"]
        engine.kill(ours(engine)["client"]["Id"])
        assert stream.recv() == b""


def test_a_sysctl_that_the_kernel_does_not_know(engine: docker.APIClient) -> None:
    with ExitStack() as undo, pytest.raises(BadOption, match=r"host server: .*net\.ipv4\.no_such_thing"):
        up(undo, sysctls={"server": {"net.ipv4.no_such_thing": "1"}})
    assert ours(engine) == {}


def test_a_subnet_that_is_taken(engine: docker.APIClient) -> None:
    with ExitStack() as undo:
        up(undo, Topology.of("server", subnet="10.213.8.0/24"))
        with ExitStack() as second, pytest.raises(MachineError, match=r"made no network: .*overlap.*compose\.yaml"):
            up(second, Topology.of("server", subnet="10.213.8.0/24"))


def test_an_image_that_is_nowhere(usable: None) -> None:
    host = HostSpec("server", container=Container(image="badwire-no-such-image:1"))
    with (
        ExitStack() as undo,
        pytest.raises(ImageError, match="badwire-no-such-image:1 is not here and cannot be pulled"),
    ):
        up(undo, Topology((host,)))


def test_four_side_by_side(engine: docker.APIClient) -> None:
    """Each sees its own agents, and one that ends takes nothing of the others'."""
    together = threading.Barrier(4, timeout=60)
    errors: list[BaseException] = []

    def one(number: int) -> None:
        try:
            with ExitStack() as undo:
                streams = up(undo)
                together.wait()
                if number:
                    ended.wait(60)
                for stream in streams.hosts.values():
                    ask(stream, "hello")
            ended.set()
        except BaseException as error:
            errors.append(error)
            ended.set()

    ended = threading.Event()
    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert ours(engine) == {}


def run(engine: docker.APIClient, container: Mapping[str, Any], *argv: str) -> str:
    """What a command says in a container: the second witness."""
    made = engine.exec_create(container["Id"], list(argv))
    return engine.exec_start(made["Id"]).decode()
