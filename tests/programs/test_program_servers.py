"""The servers that do something other than echo, and what all servers have in common."""

import hashlib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import time

import pytest

from tests.programs.conftest import Program, RunClient, Start

SERVERS = [
    *("echo_serial", "echo_fork", "echo_thread", "echo_select", "upper", "greet_and_close", "slow_reader", "sink"),
    *("share", "greet_fork", "udp_echo"),
]
STREAM = [name for name in SERVERS if name != "udp_echo"]


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def side_that_waits(server: Program) -> set[str]:
    """Which side of the server's first connection is in TIME_WAIT; ports alone may recur from an earlier test."""
    client_port = int(server.line().removeprefix("accepted 127.0.0.1 "))
    sides = {(server.port, client_port): "server", (client_port, server.port): "client"}
    until = time.monotonic() + 30
    waiting: set[str] = set()
    while not waiting and time.monotonic() < until:  # the last segment may still be on its way when both have ended
        with open("/proc/net/tcp") as table:
            rows = [line.split()[1:4] for line in table.readlines()[1:]]
        pairs = {(int(local[-4:], 16), int(remote[-4:], 16)) for local, remote, state in rows if state == "06"}
        waiting = {sides[pair] for pair in pairs & sides.keys()}
    return waiting


def test_upper(server: Start, client: RunClient) -> None:
    upper = server("upper")
    assert client("half_close", upper.port, "weiß 09").out.endswith(r"received 8 b'WEI\xc3\x9f 09'" + "\n")
    assert client("send_and_verify", upper.port, "--bytes", 300_000, "--upper").status == 0
    assert client("send_and_verify", upper.port, "lower").status == 3


def test_greet_and_close(server: Start, client: RunClient) -> None:
    greeter = server("greet_and_close", "--greeting", "good day")
    assert client("read_to_eof", greeter.port).out == "received 8 b'good day'\n"
    assert side_that_waits(greeter) == {"server"}
    assert greeter.end(signal.SIGINT).status == 0


def test_an_echo_server_leaves_the_wait_to_its_client(server: Start, client: RunClient) -> None:
    echo = server("echo_serial")
    assert client("send_and_verify", echo.port).status == 0
    assert side_that_waits(echo) == {"client"}


def test_an_echo_server_told_to_close_first_waits(server: Start, client: RunClient) -> None:
    echo = server("echo_serial", "--close-after", 1)
    assert client("send_and_verify", echo.port, "--wait-close").status == 0
    assert side_that_waits(echo) == {"server"}


def test_slow_reader_reads_so_much_in_so_much_time(server: Start) -> None:
    slow = server("slow_reader", "--bytes", 3, "--every", 0.05)
    began = time.monotonic()
    with connect(slow.port) as connection:
        connection.sendall(b"ten bytes.")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert time.monotonic() - began >= 5 * 0.05  # 3 + 3 + 3 + 1 bytes, then the end
    assert slow.line().startswith("accepted")
    assert slow.line() == "received 10"


def test_slow_reader_makes_the_sender_stop(server: Start) -> None:
    slow = server("slow_reader", "--every", 3600, "--rcvbuf", 2000)
    with connect(slow.port) as connection:
        connection.setblocking(False)
        sent = 0
        while select.select([], [connection], [], 0.5)[1]:
            sent += connection.send(bytes(65536))
    assert 0 < sent < 20_000_000
    assert slow.end(signal.SIGTERM).status == 0


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_server_stopped_with_bytes_unread_sends_an_rst(server: Start, by: signal.Signals) -> None:
    """It sleeps in between; a signal does not wait for that."""
    slow = server("slow_reader", "--every", 3600)
    with connect(slow.port) as connection:
        connection.sendall(b"never read")
        assert slow.line().startswith("accepted")
        ended = slow.end(by)
        assert (ended.status, ended.err) == (0, "")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


@pytest.mark.parametrize("count", [0, 1, 2_000_003])
def test_source_and_sink_agree_on_the_digest(server: Start, client: RunClient, count: int) -> None:
    sink = server("sink", "--rcvbuf", 5000)
    ended = client("source", sink.port, "--bytes", count, "--seed", 5, "--sndbuf", 5000)
    assert re.fullmatch(rf"sent {count} sha256 [0-9a-f]{{64}}\n", ended.out)
    assert sink.line().startswith("accepted")
    assert sink.line() == ended.out.rstrip().replace("sent", "received")


def test_the_same_seed_gives_the_same_bytes(server: Start, client: RunClient) -> None:
    sink = server("sink")
    first, again, other = (client("source", sink.port, "--bytes", 1000, "--seed", seed).out for seed in (1, 1, 2))
    assert first == again != other
    assert hashlib.sha256(random.Random(1).randbytes(1000)).hexdigest() in first


def test_udp_echo_answers_each_datagram_by_itself(server: Start) -> None:
    echo = server("udp_echo", "--count", 4, "--buffer", 10)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(30)
        for data in (b"one", b"", b"t\0o", b"longer than ten"):
            sock.sendto(data, ("127.0.0.1", echo.port))
        assert [sock.recv(100) for _ in range(4)] == [b"one", b"", b"t\0o", b"longer tha"]
        port = sock.getsockname()[1]
    ended = echo.end()
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines()[1:] == [f"datagram {length} 127.0.0.1 {port}" for length in (3, 0, 3, 10)]


@pytest.mark.parametrize("name", [*SERVERS, "try_bind"])
def test_a_port_in_use_is_one_sentence(program: Start, name: str) -> None:
    kind = socket.SOCK_DGRAM if name == "udp_echo" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("0.0.0.0", 0))
        ended = program(name, taken.getsockname()[1]).end()
    assert (ended.status, ended.out) == (1, "bind: EADDRINUSE\n")
    assert ended.err.startswith(f"{name}: bind failed: Address already in use; ")
    assert ended.err.count("\n") == 1


def test_try_bind(program: Start, server: Start) -> None:
    ended = program("try_bind", 0).end()
    assert (ended.status, ended.err) == (0, "")
    bound = re.fullmatch(r"bound (\d+)\n", ended.out)
    assert bound is not None
    port = int(bound[1])
    assert program("try_bind", port, "--bind-only").end().out == f"bound {port}\n"
    listening = server("echo_serial", "--reuseaddr")
    assert program("try_bind", listening.port, "--reuseaddr").end().status == 1  # two live listeners


def test_two_servers_share_a_port_with_reuseport(program: Start, server: Start) -> None:
    first = server("echo_select", "--reuseport")
    second = program("echo_select", first.port, "--reuseport").ready()
    assert second.port == first.port
    assert program("try_bind", first.port).end().status == 1


@pytest.mark.parametrize("option, works", [([], False), (["--reuseaddr"], True)])
def test_reuseaddr_helps_only_where_it_is_asked_for(
    program: Start, server: Start, client: RunClient, option: str, works: bool
) -> None:
    """The port stays free of a new server while the old one's connection waits, unless both set SO_REUSEADDR."""
    greeter = server("greet_and_close", *option)
    assert client("read_to_eof", greeter.port).status == 0
    assert side_that_waits(greeter) == {"server"}
    assert greeter.end(signal.SIGTERM).status == 0
    assert program("try_bind", greeter.port).end().out == "bind: EADDRINUSE\n"
    again = program("try_bind", greeter.port, "--reuseaddr").end()
    assert again.out == (f"bound {greeter.port}\n" if works else "bind: EADDRINUSE\n")


@pytest.mark.skipif(shutil.which("ss") is None, reason="no ss here: install iproute2")
@pytest.mark.parametrize("name", STREAM)
def test_backlog_and_buffers_are_those_asked_for(server: Start, name: str) -> None:
    """ss is the witness; the kernel doubles the sizes of buffers."""
    port = server(name, "--backlog", 3, "--sndbuf", 5000, "--rcvbuf", 6000).port
    seen = subprocess.check_output(["ss", "-tlnmH", f"sport = :{port}"], text=True)
    assert seen.split()[:3] == ["LISTEN", "0", "3"]
    assert ",rb12000," in seen and ",tb10000," in seen
