"""The wire without faults: what passes is captured, as sent and as delivered, with its time, complete and undamaged."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from badwire.packets.checksum import checksums_right
from badwire.pytest_plugin import require
from tests.agent.wire.wire_network import Host, HostNetwork, network, why_not

UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM
PORT = 5000
HEADERS = 14 + 20 + 8  # Ethernet, IPv4, UDP


@pytest.fixture(params=["whoever tests", "nobody"])
def wire(request: pytest.FixtureRequest) -> Iterator[HostNetwork]:
    """A wire with two hosts, as the user who runs the tests and as one without rights."""
    user = None if request.param == "whoever tests" else request.param
    if why := why_not(user):
        require.lacking(why, {"netns"} if user is None else ())
    with network(2, user) as made:
        yield made.connect()


def udp(host: Host, port: int = 0) -> socket.socket:
    made = host.open(socket.AF_INET, UDP)
    made.bind((host.address, port))
    return made


def payloads(network: HostNetwork, host: str, direction: str) -> list[bytes]:
    """The payloads of the UDP datagrams seen, in the order of their times."""
    seen = sorted(frame for frame in network.frames() if frame[1:3] == [host, direction] and frame[4][23:24] == b"\x11")
    return [frame[4][HEADERS:] for frame in seen]


def test_a_datagram_is_seen_as_sent_and_as_delivered(wire: HostNetwork) -> None:
    client, server = wire.hosts
    with udp(client) as sender, udp(server, PORT) as receiver:
        before = time.monotonic_ns()
        sender.sendto(b"hello", (server.address, PORT))
        assert receiver.recv(100) == b"hello"
        after = time.monotonic_ns()
    counted = wire.ok("unwatch")
    assert after <= counted.pop("t") <= time.monotonic_ns()
    seen = sorted(wire.frames())
    kinds = [(host, direction) for _, host, direction, _, _ in seen]
    one_way, back = [("h0", "in"), ("h1", "out")], [("h1", "in"), ("h0", "out")]
    assert kinds == one_way + back + one_way  # ARP request, ARP reply, datagram
    assert before < seen[0][0] and seen[-1][0] < after
    assert seen[4][3:] == [HEADERS + 5, seen[5][4]]
    assert seen[5][4].endswith(b"hello")
    assert counted == {"frames": 6, "dropped": 0, "unfinished": 0}


def exactly(stream: socket.socket, size: int) -> bytes:
    """So many bytes, or those before the end. (MSG_WAITALL does not wait on a socket with a time-out of Python's.)"""
    data = b""
    while len(data) < size and (more := stream.recv(size - len(data))):
        data += more
    return data


def test_a_stream_is_cut_into_frames_of_the_mtu_with_finished_checksums(wire: HostNetwork) -> None:
    client, server = wire.hosts
    data = bytes(range(256)) * 1000
    with server.open(socket.AF_INET, TCP) as listener, client.open(socket.AF_INET, TCP) as sender:
        listener.bind((server.address, PORT))
        listener.listen()
        sender.connect((server.address, PORT))
        receiver, _ = listener.accept()
        with receiver:
            receiver.settimeout(5)
            sent = 0
            while sent < len(data):  # by turns, so that neither side's buffer limits what a single thread can do
                piece = data[sent : sent + 16_384]
                sender.sendall(piece)
                assert exactly(receiver, len(piece)) == piece
                sent += len(piece)
    counted = wire.ok("unwatch")
    assert counted["dropped"] == counted["unfinished"] == 0
    segments = [frame for frame in wire.frames() if frame[1:3] == ["h1", "out"] and frame[4][23:24] == b"\x06"]
    assert max(frame[3] for frame in segments) == 1514
    for _, _, _, length, frame in segments:
        assert length == len(frame)
        assert checksums_right(frame)


def test_nothing_that_passed_before_the_end_is_missing(wire: HostNetwork) -> None:
    client, server = wire.hosts
    with udp(client) as sender, udp(server, PORT) as receiver:
        for n in range(3000):
            sender.sendto(n.to_bytes(4, "big"), (server.address, PORT))
            assert receiver.recv(4) == n.to_bytes(4, "big")
    assert wire.ok("unwatch")["dropped"] == 0
    numbers = [n.to_bytes(4, "big") for n in range(3000)]
    assert payloads(wire, "h0", "in") == numbers
    assert payloads(wire, "h1", "out") == numbers


def test_frames_come_while_the_lab_runs(wire: HostNetwork) -> None:
    client, server = wire.hosts
    with udp(client) as sender, udp(server, PORT):
        sender.sendto(b"soon", (server.address, PORT))
        assert wire.wait_for("blocks")["blocks"]  # nobody has asked for them, by unwatch or otherwise


@pytest.fixture
def alone() -> Iterator[HostNetwork]:
    """A wire with three hosts that nobody has connected yet."""
    if why := why_not():
        require.lacking(why, {"netns"})
    with network(3) as made:
        yield made


def test_a_frame_is_cut_and_its_length_is_not(alone: HostNetwork) -> None:
    client, server, _ = alone.connect(snaplen=60).hosts
    with udp(client) as sender, udp(server, PORT) as receiver:
        sender.sendto(bytes(1000), (server.address, PORT))
        receiver.recv(2000)
    alone.ok("unwatch")
    lengths = {(length, len(frame)) for _, _, _, length, frame in alone.frames()}
    assert lengths == {(42, 42), (HEADERS + 1000, 60)}


def test_only_the_receiver_gets_a_datagram(alone: HostNetwork) -> None:
    client, server, other = alone.connect().hosts
    with udp(client) as sender, udp(server, PORT) as receiver:
        sender.sendto(b"for h1 only", (server.address, PORT))
        receiver.recv(100)
    alone.ok("unwatch")
    assert {frame[4][12:14] for frame in alone.frames() if frame[1] == other.name} == {b"\x08\x06"}  # ARP's broadcast


def test_frames_that_the_ring_has_no_room_for_are_counted(alone: HostNetwork) -> None:
    client, server, _ = alone.connect().hosts
    with udp(client) as sender, udp(server, PORT) as receiver:
        sender.sendto(b"first", (server.address, PORT))
        receiver.recv(100)
        os.kill(alone.pid, signal.SIGSTOP)
        try:
            for _ in range(20_000):  # each is seen twice, and the ring has 32,768 slots
                sender.sendto(b"x", (server.address, PORT))
                receiver.recv(100)
        finally:
            os.kill(alone.pid, signal.SIGCONT)
    counted = alone.ok("unwatch")
    seen = len(alone.frames())
    assert counted["frames"] == seen < 40_000
    assert (
        seen + counted["dropped"] == 40_000 + 3 + 4
    )  # ARP: a broadcast to two hosts, and the answer; the first datagram


def test_the_bridge_as_other_tools_see_it(alone: HostNetwork) -> None:
    alone.connect()
    assert "p1 master br0 static" in alone.run("bridge", "fdb", "show").replace("dev ", "").replace("  ", " ")
    ports = alone.run("bridge", "link", "show")
    assert ports.count("state forwarding") == 3
    assert alone.run("ip", "-6", "-o", "address").count("fe80") == 0


@pytest.mark.parametrize(
    ("request_", "error", "excerpt"),
    [
        ({"do": "dance"}, "BadOption", "no request dance"),
        ({"do": "faults", "toward": {"mars": []}}, "BadOption", "no host mars"),
        ({"do": "faults", "toward": {"h1": [{"name": "loss", "probability": 2}]}}, "BadFault", "probability"),
        ({"do": "faults", "toward": {"h1": []}, "engine": "steam"}, "BadOption", "no engine steam"),
        (
            {"do": "ports", "ports": [{"host": "ghost", "number": 3, "pid": 4_000_000}]},
            "MachineError",
            "host ghost cannot be connected",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    alone: HostNetwork, request_: dict[str, Any], error: str, excerpt: str
) -> None:
    alone.connect()
    answer = alone.ask(**request_)
    assert answer["error"] == error
    assert excerpt in answer["text"] and "\n" not in answer["text"]
    alone.ok("unwatch")


def test_too_early_is_one_sentence(alone: HostNetwork) -> None:
    requests: dict[str, dict[str, object]] = {
        "watch": {"snaplen": 100},
        "unwatch": {},
        "ports": {"ports": [{"host": "h0", "number": 0, "pid": 0}]},
    }
    for do, parameters in requests.items():
        answer = alone.ask(do, **parameters)
        assert "not ready for this request" in answer["text"]
