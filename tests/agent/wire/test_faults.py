"""Faults on a real wire: what they do, toward whom, and that setting, changing and lifting them harms nothing else."""

import os
import re
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from badwire.pytest_plugin import require
from tests.agent.wire.wire_network import Host, HostNetwork, network, why_not

PORT = 5000
HEADERS = 14 + 20 + 8  # Ethernet, IPv4, UDP
DELAY = {"name": "delay", "time": 0.03}
HOLD = {"name": "hold", "protocol": "udp"}


@pytest.fixture(params=["whoever tests", "nobody"])
def wire(request: pytest.FixtureRequest) -> Iterator[HostNetwork]:
    """A wire with two hosts, as the user who runs the tests and as one without rights."""
    user = None if request.param == "whoever tests" else request.param
    if why := why_not(user):
        require.lacking(why, {"netns"} if user is None else ())
    with network(2, user) as made:
        yield made.connect()


@pytest.fixture
def wire_of_three() -> Iterator[HostNetwork]:
    if why := why_not():
        require.lacking(why, {"netns"})
    with network(3) as made:
        yield made.connect()


@pytest.fixture
def wire_of_root() -> Iterator[HostNetwork]:
    """One into whose namespace other tools can look."""
    if why := why_not() or (None if os.geteuid() == 0 else "only root can look into another network namespace"):
        require.lacking(why, {"netns"} if os.geteuid() == 0 else ())
    with network(2) as made:
        yield made.connect()


def udp(host: Host, port: int = 0) -> socket.socket:
    made = host.open(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((host.address, port))
    return made


def datagrams(wire: HostNetwork, host: str, direction: str) -> dict[bytes, int]:
    """Payload -> time in ns."""
    return {
        frame[HEADERS:]: t
        for t, port, way, _, frame in wire.frames()
        if (port, way) == (host, direction) and frame[23:24] == b"\x11"
    }


def set_faults(wire: HostNetwork, toward: Host, *faults: dict[str, Any]) -> dict[str, Any]:
    answers: dict[str, dict[str, Any]] = wire.ok("faults", toward={toward.name: list(faults)}, engine="relay", seed=1)
    return answers[toward.name]


def test_a_delay_is_toward_one_host_and_is_never_short(wire: HostNetwork) -> None:
    client, server = wire.hosts
    with udp(client, PORT) as near, udp(server, PORT) as far:
        near.sendto(b"first", far.getsockname())  # ARP is done before the fault
        far.recv(100)
        answer = set_faults(wire, server, DELAY)
        assert answer["engine"] == "relay"
        assert answer["t"] <= time.monotonic_ns()
        near.sendto(b"there", far.getsockname())
        assert far.recv(100) == b"there"
        far.sendto(b"back", near.getsockname())
        assert near.recv(100) == b"back"
    assert wire.ok("unwatch")["dropped"] == 0
    there = datagrams(wire, "h1", "out")[b"there"] - datagrams(wire, "h0", "in")[b"there"]
    back = datagrams(wire, "h0", "out")[b"back"] - datagrams(wire, "h1", "in")[b"back"]
    assert there >= 30_000_000 - 100_000  # two clocks' readings, each good to some microseconds, lie between
    assert back < 30_000_000


def test_what_was_sent_and_not_delivered_is_told_apart(wire: HostNetwork) -> None:
    client, server = wire.hosts
    with udp(client) as near, udp(server, PORT) as far:
        near.sendto(b"first", far.getsockname())
        far.recv(100)
        set_faults(wire, server, {"name": "nth", "n": 2, "protocol": "udp"})
        for word in (b"one", b"two", b"three"):
            near.sendto(word, far.getsockname())
        assert [far.recv(100), far.recv(100)] == [b"one", b"three"]
        set_faults(wire, server)
        near.sendto(b"last", far.getsockname())
        assert far.recv(100) == b"last"
    wire.ok("unwatch")
    sent, delivered = datagrams(wire, "h0", "in"), datagrams(wire, "h1", "out")
    assert list(sent) == [b"first", b"one", b"two", b"three", b"last"]
    assert sent.keys() - delivered.keys() == {b"two"}
    (decision,) = [event for event in wire.events if event["event"] == "decision"]
    assert (decision["toward"], decision["fault"], decision["verdict"]) == ("h1", "nth", "drop")
    assert decision["frame"].endswith(b"two")


def test_what_is_held_comes_when_it_is_released(wire: HostNetwork) -> None:
    client, server = wire.hosts
    with udp(client) as near, udp(server, PORT) as far:
        near.sendto(b"first", far.getsockname())
        far.recv(100)
        set_faults(wire, server, HOLD)
        near.sendto(b"held", far.getsockname())
        wire.wait_for("decision", which=lambda event: event["verdict"] == "hold")
        assert not select.select([far], [], [], 0)[0]
        assert wire.ok("release", host=server.name) == {"frames": 1}
        assert far.recv(100) == b"held"


def test_setting_changing_and_lifting_lose_nothing(wire: HostNetwork) -> None:
    """The sender never rests while the list of faults changes under it."""
    client, server = wire.hosts
    lists: list[tuple[dict[str, Any], ...]] = [
        (DELAY,),
        ({"name": "delay", "time": 0.001},),
        (DELAY, HOLD),
        (),
        (DELAY,),
        (),
    ]
    expected = 0
    with udp(client) as near, udp(server, PORT) as far:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for faults in lists:
            for moment in ("before", "during", "after"):
                if moment == "during":
                    wire.begin("faults", toward={server.name: list(faults)}, engine="relay", seed=1)
                for _ in range(30):
                    near.sendto(expected.to_bytes(4, "big"), far.getsockname())
                    expected += 1
                if moment == "after":
                    wire.finish()
        arrived = {int.from_bytes(far.recv(4), "big") for _ in range(expected)}
    assert arrived == set(range(expected))
    assert wire.ok("unwatch")["dropped"] == 0


def test_the_times_of_faults_are_exact(wire: HostNetwork) -> None:
    """Datagrams pass all the time, and none is delivered between the two times at which it could not be."""
    client, server = wire.hosts
    in_force: list[tuple[int, int]] = []
    ended = threading.Event()
    with udp(client) as near, udp(server, PORT) as far:
        near.sendto(b"first", far.getsockname())  # ARP is done before the faults
        far.recv(100)

        def send() -> None:
            while not ended.wait(0.000_1):
                near.sendto(bytes(8), far.getsockname())

        sender = threading.Thread(target=send)
        sender.start()
        try:
            for _ in range(10):
                since = set_faults(wire, server, {"name": "loss", "probability": 1.0})["t"]
                until = set_faults(wire, server)["t"]
                in_force.append((since, until))
        finally:
            ended.set()
            sender.join()
    wire.ok("unwatch")
    delivered = [t for t, host, way, _, _ in wire.frames() if (host, way) == (server.name, "out")]
    assert len(delivered) > len(in_force)
    passed = [(since, t, until) for since, until in in_force for t in delivered if since < t < until]
    assert passed == []


def test_a_fault_on_the_frames_of_one_host_passes_those_of_another(wire_of_three: HostNetwork) -> None:
    wire = wire_of_three
    near, other, server = wire.hosts
    with udp(near) as one, udp(other) as two, udp(server, PORT) as far:
        for sock in (one, two):  # ARP is done before the faults
            sock.sendto(b"first", far.getsockname())
            far.recv(100)
        set_faults(wire, server, {"name": "partition", "from": near.name})
        one.sendto(b"lost", far.getsockname())
        two.sendto(b"passes", far.getsockname())
        assert far.recv(100) == b"passes"
        wire.wait_for("decision")
        set_faults(wire, server)
        one.sendto(b"again", far.getsockname())
        assert far.recv(100) == b"again"
    (decision,) = [event for event in wire.events if event["event"] == "decision"]
    assert (decision["fault"], decision["verdict"]) == ("partition", "drop")
    unknown = {"name": "partition", "from": "mars"}
    assert "no host mars" in wire.ask("faults", toward={server.name: [unknown]}, engine="relay", seed=1)["text"]
    assert (
        "cannot select"
        in (wire.ask("faults", toward={server.name: [{**unknown, "from": near.name}]}, engine="netem", seed=1)["text"])
    )


def test_a_fault_ends_by_itself_at_the_time_on_record(wire: HostNetwork) -> None:
    """Datagrams pass all the time; none is delivered while the loss is in force, and the delay stays in force."""
    client, server = wire.hosts
    ended = threading.Event()
    delay = {"name": "delay", "time": 0.002, "jitter": 0.0}
    with udp(client) as near, udp(server, PORT) as far:
        near.sendto(b"first", far.getsockname())  # ARP is done before the faults
        far.recv(100)

        def send() -> None:
            while not ended.wait(0.000_1):
                near.sendto(bytes(8), far.getsockname())

        sender = threading.Thread(target=send)
        sender.start()
        try:
            answer = set_faults(wire, server, {"name": "loss", "probability": 1.0, "for": 0.2}, delay)
            began = answer["t"]
            assert answer["until"] == [began + 200_000_000, None]
            lifted = wire.wait_for("fault", which=lambda event: event["faults"] == [delay])
            near.sendto(b"last", far.getsockname())
            while far.recv(100) != b"last":
                pass
        finally:
            ended.set()
            sender.join()
    wire.ok("unwatch")
    assert (lifted["toward"], lifted["engine"]) == (server.name, "relay")
    assert lifted["t"] >= began + 200_000_000
    delivered = [t for t, host, way, _, _ in wire.frames() if (host, way) == (server.name, "out")]
    assert [t for t in delivered if began + 2_000_000 < t < lifted["t"] + 2_000_000] == []
    assert max(delivered) > lifted["t"]


def test_a_fault_that_is_lifted_before_its_time_or_set_again_ends_once(wire: HostNetwork) -> None:
    _, server = wire.hosts
    partition = {"name": "partition", "for": 0.1}
    set_faults(wire, server, partition)
    set_faults(wire, server)
    first = set_faults(wire, server, partition)
    # The lab sends what is in force again when it adds a fault: the time of the first one goes on.
    until = {server.name: [*first["until"], None]}
    answer = wire.ok("faults", toward={server.name: [partition, DELAY]}, engine="relay", seed=1, until=until)
    assert answer[server.name]["until"] == [*first["until"], None]
    lifted = wire.wait_for("fault", which=lambda event: event["faults"] == [{**DELAY, "jitter": 0.0}])
    assert lifted["t"] >= first["until"][0]
    late = wire.ok(
        "faults", toward={server.name: [partition]}, engine="relay", seed=1, until=until | {server.name: [1]}
    )
    assert late[server.name]["until"] == [1]  # it had ended before the request came
    recorded = [event["faults"] for event in wire.events if event["event"] == "fault"]
    assert recorded[-1] == []


def test_faults_toward_many_hosts_are_set_all_or_none(wire: HostNetwork) -> None:
    client, server = wire.hosts
    slow = {"name": "delay", "time": 0.2}
    with udp(client, PORT) as near, udp(server, PORT) as far:
        near.sendto(b"before", far.getsockname())  # ARP is done before the faults
        far.recv(100)
        answers = wire.ok("faults", toward={client.name: [], server.name: [slow]}, engine="relay", seed=1)
        assert answers.keys() == {client.name, server.name}
        wrong = {"name": "loss", "probability": 2}
        refused: list[dict[str, list[dict[str, Any]]]] = [
            {server.name: [], client.name: [wrong]},
            {server.name: [], "mars": []},
        ]
        for toward in refused:
            assert "error" in wire.ask("faults", toward=toward, engine="relay", seed=1)
        near.sendto(b"slow", far.getsockname())
        far.settimeout(10)
        far.recv(100)
    wire.ok("unwatch")
    sent = datagrams(wire, client.name, "in")[b"slow"]
    delivered = datagrams(wire, server.name, "out")[b"slow"]
    assert delivered - sent >= 200_000_000  # the delay toward the server stayed


def test_the_redirect_as_tc_sees_it(wire_of_root: HostNetwork) -> None:
    server = wire_of_root.hosts[1]
    show = ("tc", "filter", "show", "dev", "p2", "egress")
    assert wire_of_root.run(*show) == ""
    set_faults(wire_of_root, server, DELAY)
    assert "mirred (Egress Redirect" in wire_of_root.run(*show)
    set_faults(wire_of_root, server)
    assert wire_of_root.run(*show) == ""


def test_netem_is_used_where_it_is_and_refused_in_one_sentence_where_it_is_not(wire_of_root: HostNetwork) -> None:
    facts = wire_of_root.ok("facts")
    answer = wire_of_root.ask("faults", toward={"h1": [DELAY]}, engine="netem", seed=1)
    qdiscs = wire_of_root.run("tc", "qdisc", "show", "dev", "p2")
    if facts["netem"]:
        assert answer["ok"]["h1"]["engine"] == "netem"
        assert "delay 30ms" in qdiscs
    else:
        assert answer["error"] == "MissingCapability"
        assert answer["text"] == facts["why"]["netem"]
        assert "netem" not in qdiscs
    chosen = wire_of_root.ok("faults", toward={"h1": [DELAY, HOLD]}, engine="auto", seed=1)
    assert chosen["h1"]["engine"] == "relay"  # netem has no words for hold


def test_netem_draws_from_the_seed_where_the_kernel_has_one(wire_of_root: HostNetwork) -> None:
    if not wire_of_root.ok("facts")["netem"]:
        require.lacking("this kernel has no netem", {"netem"})
    release = tuple(int(number) for number in os.uname().release.split(".")[:2])
    server = wire_of_root.hosts[1]
    loss = {"name": "loss", "probability": 0.5}

    def set_netem(faults: list[dict[str, Any]], seed: int) -> bool:
        answers = wire_of_root.ok("faults", toward={server.name: faults}, engine="netem", seed=seed)
        answer = answers[server.name]
        assert answer["engine"] == "netem"
        return bool(answer["seeded"])

    def seed_in_force() -> str:
        shown = re.search(r" seed (\d+)", wire_of_root.run("tc", "qdisc", "show", "dev", "p2"))
        return shown[1] if shown else ""

    assert set_netem([DELAY], 1)  # it draws nothing
    assert set_netem([loss], 1) is (release >= (6, 6))
    if release >= (6, 6):
        first = seed_in_force()
        assert set_netem([loss], 1)
        assert seed_in_force() != first or not first  # a tc that is older than the kernel shows none


def test_the_relays_death_is_told_and_ends_the_wires_work(wire: HostNetwork) -> None:
    set_faults(wire, wire.hosts[1], DELAY)
    os.kill(wire.relay(), signal.SIGKILL)
    wire.wait_for("relay_died")
    for do in ("facts", "unwatch"):
        answer = wire.ask(do)
        assert answer["error"] == "AgentLost"
        assert "relay" in answer["text"]
