"""The four echo servers behave alike for one client; they differ when there are several."""

import itertools
import os
import re
import select
import signal
import socket
import struct
from pathlib import Path

import pytest

from tests.programs.conftest import RunClient, Start

ECHO = ["echo_serial", "echo_fork", "echo_thread", "echo_select"]
AT_ONCE = ["echo_fork", "echo_thread", "echo_select"]


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def ask(connection: socket.socket) -> None:
    """One round trip: from here on the client is being served."""
    connection.sendall(b"a\0b")
    assert connection.recv(3, socket.MSG_WAITALL) == b"a\0b"


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize("name", ECHO)
def test_all_bytes_come_back(server: Start, client: RunClient, name: str) -> None:
    echo = server(name)
    assert client("send_and_verify", echo.port, "--bytes", 0).out == "verified 1 x 0 bytes\n"
    assert client("send_and_verify", echo.port, "any text").out == "verified 1 x 8 bytes\n"
    assert (
        client("send_and_verify", echo.port, "--bytes", 1_000_000, "--count", 3).out == "verified 3 x 1000000 bytes\n"
    )
    ended = echo.end(signal.SIGTERM)
    assert (ended.status, ended.err) == (0, "")
    assert len(re.findall(r"^accepted 127\.0\.0\.1 \d+$", ended.out, re.M)) == 3


@pytest.mark.parametrize("name", ECHO)
def test_all_bytes_come_back_through_small_buffers(server: Start, client: RunClient, name: str) -> None:
    """Buffers far smaller than the message: sends and receives are short, and both directions fill up."""
    small = ["--sndbuf", 4000, "--rcvbuf", 4000]
    echo = server(name, *small)
    ended = client("send_and_verify", echo.port, *small, "--bytes", 500_000, "--seed", 7)
    assert (ended.status, ended.out, ended.err) == (0, "verified 1 x 500000 bytes\n", "")


@pytest.mark.parametrize("name", ECHO)
def test_what_a_half_closed_client_is_owed_still_comes(server: Start, name: str) -> None:
    """The client reads nothing until it has closed its direction, with more on the way than the server can send."""
    echo = server(name, "--sndbuf", 4000)
    with connect(echo.port) as connection:
        connection.sendall(bytes(range(256)) * 400)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert received == bytes(range(256)) * 400


@pytest.mark.parametrize("name", ECHO)
def test_a_client_that_breaks_off_does_no_harm(server: Start, client: RunClient, name: str) -> None:
    echo = server(name)
    with connect(echo.port) as connection:
        ask(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by RST
    assert client("send_and_verify", echo.port).status == 0
    ended = echo.end(signal.SIGTERM)
    assert ended.status == 0
    assert re.fullmatch(rf"{name}: lost the client 127\.0\.0\.1 port \d+: ECONNRESET\n", ended.err)


@pytest.mark.parametrize("name", AT_ONCE)
def test_fifty_clients_are_served_side_by_side(server: Start, client: RunClient, name: str) -> None:
    echo = server(name)
    ended = client("many_connections", echo.port, "--connections", 50, "--stay", 50)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.endswith("verified 50 of 50 side by side 50\n")
    assert client("send_and_verify", echo.port).status == 0


def test_the_serial_server_lets_the_second_client_wait_for_the_first(server: Start, client: RunClient) -> None:
    echo = server("echo_serial")
    ended = client("many_connections", echo.port, "--connections", 3, "--stay", 0.2)
    assert ended.status == 0
    assert ended.out.endswith("verified 3 of 3 side by side 1\n")
    times = sorted((float(a), float(b)) for a, b in re.findall(r"answered (\S+) waited \S+ left (\S+)", ended.out))
    assert all(answered >= left for (_, left), (answered, _) in itertools.pairwise(times))
    assert times[-1][0] >= 0.4


@pytest.mark.parametrize("name", ["echo_serial", "echo_fork", "echo_thread", "upper"])
def test_a_server_can_close_first(server: Start, client: RunClient, name: str) -> None:
    echo = server(name, "--close-after", 1)
    assert client("send_and_verify", echo.port, "TEXT", "--wait-close").out == "verified 1 x 4 bytes\n"
    ended = client("send_and_verify", echo.port, "TEXT", "--count", 2)
    assert ended.status in (1, 3)  # the second round finds the connection closed: by FIN, or already by RST
    assert echo.end(signal.SIGTERM).status == 0


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", ECHO)
def test_stopped_with_clients_connected_it_sends_each_a_fin(server: Start, name: str, by: signal.Signals) -> None:
    echo = server(name)
    with connect(echo.port) as first, connect(echo.port) as second:
        ask(first)
        if name != "echo_serial":
            ask(second)
        children = children_of(echo.pid)
        assert len(children) == (2 if name == "echo_fork" else 0)
        ended = echo.end(by)
        assert (ended.status, ended.err) == (0, "")
        assert not [pid for pid in children if os.path.exists(f"/proc/{pid}")]
        assert first.recv(1) == b""


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", [*ECHO, "udp_echo", "sink"])
def test_a_signal_right_after_ready_is_not_missed(server: Start, name: str, by: signal.Signals) -> None:
    for _ in range(3):
        ended = server(name).end(by)
        assert (ended.status, ended.err) == (0, "")


def test_the_forking_server_leaves_no_zombie(server: Start, client: RunClient) -> None:
    echo = server("echo_fork")
    assert client("many_connections", echo.port, "--connections", 40, "--stay", 50).status == 0
    reaped: list[int] = []
    while sum(reaped) < 40:
        word, number, *_ = echo.line().split()
        reaped += [int(number)] if word == "reaped" else []
    assert children_of(echo.pid) == []
    ended = echo.end(signal.SIGTERM)
    assert (ended.status, ended.err) == (0, "")


def test_the_forking_server_reaps_several_for_one_signal(server: Start) -> None:
    """Three children end while the server is stopped: SIGCHLD, pending, counts once."""
    echo = server("echo_fork")
    connections = [connect(echo.port) for _ in range(3)]
    for connection in connections:
        ask(connection)
    for _ in connections:
        assert echo.line().startswith("accepted")
    children = children_of(echo.pid)
    os.kill(echo.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, echo.pid, os.WSTOPPED)
    for connection in connections:
        connection.close()  # no FIN may come back: the stopped server may still hold its copy of the last connection
    for pid in children:
        wait_for_end(int(pid))
    os.kill(echo.pid, signal.SIGCONT)
    assert echo.line() == "reaped 3 left 0"
    assert children_of(echo.pid) == []


def wait_for_end(pid: int) -> None:
    """Wait until a process that is not our child has ended, reaped or not."""
    descriptor = os.pidfd_open(pid)
    try:
        assert select.select([descriptor], [], [], 30)[0]
    finally:
        os.close(descriptor)
