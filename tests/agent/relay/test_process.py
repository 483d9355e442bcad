"""The relay on a real wire: a process of its own, between two hosts on a bridge, in namespaces made for each test.

Each network is tried as root and as a user who may only make a user namespace. What a machine forbids is skipped.
"""

import fcntl
import os
import select
import signal
import socket
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from badwire.agent.relay.process import Relay
from badwire.errors import AgentLost, BadFault, RequestError, RunError
from badwire.faults import Corrupt, Delay, Duplicate, Fault, Hold, Loss, Nth, Partition, Rate, Reorder
from badwire.linux import libc
from badwire.pytest_plugin.require import lacking
from badwire.units import ms

sys.path.insert(0, str(Path(__file__).parent))
from relay_network import SERVER, HostNetwork, enter_namespaces, in_a_child

NOBODY = 65534
PR_SET_DUMPABLE = 4
RTMGRP_LINK = 1
PORT = 5000
Work = Callable[[HostNetwork], None]


def become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    libc.prctl(PR_SET_DUMPABLE, 1)  # or our own /proc/self stays root's, and no user can be mapped


@pytest.fixture(params=["as we are", "as nobody"])
def network(request: pytest.FixtureRequest) -> Iterator[Callable[[Work], None]]:
    """Call it with what is to be done on a network; the child that does it fails the test by its exit status."""

    def prepare() -> None:
        if request.param == "as nobody":
            become_nobody()

    if request.param == "as nobody" and os.geteuid():
        pytest.skip("only root can become nobody; as an unprivileged user the other half of this test is the same one")

    def possible() -> None:
        prepare()
        enter_namespaces()

    if in_a_child(possible):
        lacking(
            f"no network namespace can be made here ({request.param}); run as root or allow user namespaces", ["netns"]
        )

    def run(work: Work) -> None:
        def in_child() -> None:
            prepare()
            with HostNetwork() as made:
                work(made)

        assert in_a_child(in_child) == 0

    yield run


def send(network: HostNetwork, *texts: str) -> None:
    sender = network.udp("client")
    for text in texts:
        sender.sendto(text.encode(), (SERVER, PORT))


def receive(receiver: socket.socket, count: int) -> list[str]:
    return [receiver.recv(2000).decode() for _ in range(count)]


def resolve(network: HostNetwork, server: socket.socket) -> None:
    """Wait for the ARP exchange: until then the kernel itself reorders datagrams, since those that it kept are sent by
    whoever brings the answer, beside the sender's next ones."""
    send(network, "resolve")
    assert receive(server, 1) == ["resolve"]


def decisions(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What the relay decided on IPv4 frames: the kernel may confirm an ARP entry at any time (arp(7))."""
    made = [event for event in events if event["event"] == "decision"]
    return [(event["fault"], event["verdict"]) for event in made if event["frame"][12:14] == b"\x08\x00"]


def payload(frame: bytes) -> str:
    return frame[42:].decode()


def passed(events: list[dict[str, Any]]) -> list[str]:
    """The payloads of the datagrams that the relay has forwarded."""
    frames = [frame[4] for event in events if event["event"] == "frames" for frame in event["frames"]]
    return [payload(frame) for frame in frames if frame[12:14] == b"\x08\x00"]


def test_a_relay_without_faults_passes_everything(network: Callable[[Work], None]) -> None:
    def work(network: HostNetwork) -> None:
        server = network.udp("server", PORT)
        send(network, "straight")
        network.redirect()
        send(network, *"abc")
        network.remove_redirect()
        send(network, "straight again")
        assert sorted(receive(server, 5)) == ["a", "b", "c", "straight", "straight again"]

    network(work)


def test_a_delay_is_never_short_and_keeps_the_order(network: Callable[[Work], None]) -> None:
    """What is late is the scheduler's; what is early would be ours. The benchmark says how late."""

    def work(network: HostNetwork) -> None:
        server = network.udp("server", PORT)
        network.redirect()
        resolve(network, server)
        network.fault(Delay(30 * ms))
        began = time.monotonic()
        send(network, *map(str, range(200)))
        assert receive(server, 200) == [str(number) for number in range(200)]
        assert time.monotonic() - began >= 30 * ms

    network(work)


def test_the_named_frame_is_dropped_and_the_record_says_so(network: Callable[[Work], None]) -> None:
    def work(network: HostNetwork) -> None:
        server = network.udp("server", PORT)
        network.redirect()
        network.relay.watch(2000)
        began = network.fault(Nth(2, to_port=PORT))
        send(network, *"abc")
        assert receive(server, 2) == ["a", "c"]
        network.relay.unwatch()
        events = network.relay.events()
        assert decisions(events) == [("nth", "drop")]
        decision = next(event for event in events if event["event"] == "decision")
        assert payload(decision["frame"]) == "b" and decision["toward"] == "server" and decision["t"] > began
        assert passed(events) == ["a", "c"]
        frames = [frame for event in events if event["event"] == "frames" for frame in event["frames"]]
        sent = [frame for frame in frames if frame[4][12:14] == b"\x08\x00"]
        assert all(frame[1:4] == ["server", "out", 43] and frame[0] > began for frame in sent)

    network(work)


def test_tcp_gets_through_all_of_them_at_once(network: Callable[[Work], None]) -> None:
    faults: list[Fault] = [
        Delay(2 * ms, 1 * ms),
        Loss(0.02),
        Duplicate(0.1),
        Reorder(0.1, by=1 * ms),
        Corrupt(0.02),
        Rate(50e6),
    ]
    data = os.urandom(300_000)

    def work(network: HostNetwork) -> None:
        with network.inside("server"):
            listener = socket.create_server(("", PORT))
        with network.inside("client"):
            client = socket.socket()
        network.redirect()
        network.relay.watch(64)
        network.fault(*faults)
        client.settimeout(30)
        client.connect((SERVER, PORT))
        server = listener.accept()[0]
        server.setblocking(False)
        client.setblocking(False)
        arrived, rest = b"", memoryview(data)
        while len(arrived) < len(data):
            readable, writable, _ = select.select([server], [client] if rest else [], [], 30)
            assert readable or writable
            if writable:
                rest = rest[client.send(rest) :]
            if readable:
                arrived += server.recv(1 << 16)
        assert arrived == data
        network.relay.unwatch()
        assert {"drop", "duplicate", "corrupt"} <= {verdict for _, verdict in decisions(network.relay.events())}

    network(work)


def test_hold_release_and_lift(network: Callable[[Work], None]) -> None:
    def work(network: HostNetwork) -> None:
        server = network.udp("server", PORT)
        network.redirect()
        network.relay.watch(64)
        network.fault(Hold(to_port=PORT))
        send(network, *"abc")
        wait_for_decisions(network, 3)
        assert network.relay.release("server") == 3
        assert receive(server, 3) == ["a", "b", "c"]
        send(network, *"de")
        wait_for_decisions(network, 5)  # three releases came first
        network.fault()
        assert receive(server, 2) == ["d", "e"]

    network(work)


def wait_for_decisions(network: HostNetwork, count: int) -> None:
    """Wait until the relay has reported ``count`` decisions."""
    decided = 0
    while decided < count:
        assert select.select([network.relay], [], [], 5)[0]
        decided += len(decisions(network.relay.events()))


def test_queued_frames_keep_their_time_when_the_fault_is_lifted(network: Callable[[Work], None]) -> None:
    def work(network: HostNetwork) -> None:
        server = network.udp("server", PORT)
        network.redirect()
        resolve(network, server)
        network.fault(Delay(200 * ms))
        began = time.monotonic()
        send(network, "late")
        network.relay.watch(64)  # the relay sees this no sooner than the frame, and answers once both are served
        network.fault(Delay(0))
        network.remove_redirect()
        send(network, "early")
        # "early" comes first, unless the steps between the two have taken as long as the delay.
        assert sorted(receive(server, 2)) == ["early", "late"]
        assert time.monotonic() - began >= 200 * ms
        network.relay.unwatch()
        assert passed(network.relay.events()) == ["late"]

    network(work)


def test_frames_that_came_before_a_fault_was_lifted_meet_it_however_late_the_relay_is(
    network: Callable[[Work], None],
) -> None:
    def work(network: HostNetwork) -> None:
        server = network.udp("server", PORT)
        network.redirect()
        resolve(network, server)
        network.relay.watch(64)
        network.fault(Partition())
        os.kill(network.relay.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, network.relay.pid, os.WSTOPPED | os.WNOWAIT)
        send(network, *map(str, range(200)))
        lifting = threading.Thread(target=network.fault)
        lifting.start()
        while not unread(network.relay.fileno()):
            pass
        os.kill(network.relay.pid, signal.SIGCONT)
        lifting.join()
        assert decisions(network.relay.events()) == [("partition", "drop")] * 200
        send(network, "after")
        assert receive(server, 1) == ["after"]

    network(work)


def unread(fd: int) -> int:
    """The bytes that were written to a socket and that its other end has not read (SIOCOUTQ, unix(7))."""
    return int.from_bytes(fcntl.ioctl(fd, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def test_a_dead_relay_lets_nothing_through_and_is_noticed(network: Callable[[Work], None]) -> None:
    def work(network: HostNetwork) -> None:
        server = network.udp("server", PORT)
        network.redirect()
        send(network, "before")
        receive(server, 1)
        news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        news.bind((0, RTMGRP_LINK))
        os.kill(network.relay.pid, signal.SIGKILL)
        assert select.select([network.relay], [], [], 5)[0]
        with pytest.raises(AgentLost):
            network.relay.events()
        with pytest.raises(AgentLost):
            network.fault(Delay(0))
        while network.index in dict(socket.if_nameindex()):
            assert select.select([news], [], [], 5)[0], "the relay's interfaces outlive it"
            news.recv(1 << 16)
        send(network, "after")  # on this wire a frame is delivered, or dropped, before send returns
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.recv(100)

    network(work)


def test_the_relay_ends_with_its_agent(network: Callable[[Work], None]) -> None:
    def work(network: HostNetwork) -> None:
        reading, writing = os.pipe()
        agent = os.fork()
        if not agent:
            os.write(writing, str(Relay().start().pid).encode())
            signal.pause()
        relay = os.pidfd_open(int(os.read(reading, 100)))
        os.kill(agent, signal.SIGKILL)
        os.waitpid(agent, 0)
        assert select.select([relay], [], [], 5)[0]

    network(work)


def test_what_the_relay_refuses(network: Callable[[Work], None]) -> None:
    def work(network: HostNetwork) -> None:
        with pytest.raises(BadFault, match="probability"):
            network.relay.set({"server": [{"name": "loss", "probability": 2}]}, 1, {})
        with pytest.raises(RequestError, match="nowhere"):
            network.relay.set({"nowhere": []}, 1, {})
        with pytest.raises(RunError, match="add_port"), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as tx:
            network.relay.add_port("third", tx, "no-such-end")
        assert network.relay.set({"server": [Partition().to_json()]}, 1, {}) <= time.monotonic_ns()

    network(work)


def test_the_relay_says_nothing_by_itself(network: Callable[[Work], None]) -> None:
    """No IPv6 solicitation leaves its end, and it keeps none of the agent's descriptors."""

    def work(network: HostNetwork) -> None:
        links = sorted(
            os.readlink(f"/proc/{network.relay.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{network.relay.pid}/fd")
        )
        assert [link for link in links if link.startswith("pipe:")] == []
        lines = Path(f"/proc/{network.relay.pid}/net/dev").read_text().splitlines()
        (end,) = (line.split() for line in lines if line.lstrip().startswith("r"))
        assert end[10] == "0", "frames that the relay's own end sent"

    network(work)
