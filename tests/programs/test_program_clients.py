"""The clients: what they print, and with which status they end."""

import contextlib
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.end_to_end.running import until
from tests.programs.conftest import RunClient, Start

CLIENTS = ["send_and_verify", "read_to_eof", "half_close", "source"]

Serve = Callable[[socket.socket], object]
Answering = Callable[[Serve], int]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Start a server of one connection that a test writes itself: a function of the connection, in a thread."""
    with contextlib.ExitStack() as undo:

        def start(serve: Serve) -> int:
            listener = undo.enter_context(socket.create_server(("127.0.0.1", 0)))

            def once() -> None:
                connection, _ = listener.accept()
                with connection:
                    serve(connection)

            thread = threading.Thread(target=once)
            thread.start()
            undo.callback(thread.join)
            return int(listener.getsockname()[1])

        yield start


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is bound, so that nobody else has it, but where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.mark.parametrize("name", CLIENTS)
def test_nobody_listens(client: RunClient, closed_port: int, name: str) -> None:
    ended = client(name, closed_port)
    assert (ended.status, ended.out) == (1, "connect: ECONNREFUSED\n")
    assert ended.err == f"{name}: connect failed: Connection refused; start a server on that port first\n"


def test_nobody_listens_for_many(client: RunClient, closed_port: int) -> None:
    ended = client("many_connections", closed_port, "--connections", 2)
    assert ended.status == 1
    assert ended.out.splitlines()[:2] == [f"connection {n} port - connect: ECONNREFUSED" for n in (0, 1)]
    assert ended.out.splitlines()[2] == "verified 0 of 2 side by side 0"
    assert ended.err.count("\n") == 1


def test_wrong_bytes(client: RunClient, answering: Answering) -> None:
    def wrong(connection: socket.socket) -> None:
        connection.sendall(connection.recv(100).replace(b"l", b"r"))
        connection.recv(1)

    ended = client("send_and_verify", answering(wrong), "hello")
    assert (ended.status, ended.out) == (3, "differs at byte 2 of 5\n")
    assert ended.err.count("\n") == 1


def test_too_few_bytes(client: RunClient, answering: Answering) -> None:
    def few(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"hel")

    ended = client("send_and_verify", answering(few), "hello")
    assert (ended.status, ended.out) == (3, "came back 3 of 5 bytes\n")
    assert ended.err.count("\n") == 1


def test_bytes_that_come_one_by_one(client: RunClient, answering: Answering) -> None:
    def drip(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in connection.recv(100):
            connection.send(bytes([byte]))
        connection.recv(1)

    assert client("send_and_verify", answering(drip), "one by one").out == "verified 1 x 10 bytes\n"


def test_a_server_that_breaks_off(client: RunClient, answering: Answering) -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(1)  # more than that is there: closing now sends an RST

    ended = client("send_and_verify", answering(reset), "hello")
    assert (ended.status, ended.out) == (1, "recv: ECONNRESET\n")


def test_many_connections_tells_a_wrong_answer_from_a_lost_connection(client: RunClient, answering: Answering) -> None:
    def wrong(connection: socket.socket) -> None:
        connection.sendall(b"?" * len(connection.recv(100)))
        connection.recv(1)

    ended = client("many_connections", answering(wrong), "--connections", 1)
    assert ended.status == 3
    assert re.match(r"connection 0 port \d+ differs ", ended.out)
    assert ended.out.endswith("verified 0 of 1 side by side 0\n")


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_hold_stays_connected_until_told(program: Start, server: Start, by: signal.Signals) -> None:
    echo = server("echo_serial")
    holder = program("send_and_verify", "127.0.0.1", echo.port, "--hold")
    assert holder.line() == "verified 1 x 13 bytes"
    holder.ready()
    assert echo.line() == f"accepted 127.0.0.1 {holder.port}"
    assert holder.popen.poll() is None
    ended = holder.end(by)
    assert (ended.status, ended.err) == (0, "")


def test_hold_outlives_its_server(program: Start, server: Start) -> None:
    """The client of FIN_WAIT_2 and CLOSE_WAIT: its server is interrupted, and it stays."""
    echo = server("echo_serial")
    holder = program("send_and_verify", "127.0.0.1", echo.port, "--hold")
    holder.line()
    holder.ready()
    assert echo.end(signal.SIGINT).status == 0
    ends = (f":{holder.port:04X}", f":{echo.port:04X}")

    def states() -> set[str]:
        with open("/proc/net/tcp") as table:
            rows = [line.split()[1:4] for line in table.readlines()[1:]]
        return {state for local, remote, state in rows if (local[-5:], remote[-5:]) == ends}

    # The server's FIN may still be on its way when the server has ended.
    until(lambda: states() == {"08"}, "a socket in CLOSE_WAIT")
    assert holder.popen.poll() is None
    assert holder.end(signal.SIGTERM).status == 0


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_stopped_midway_dies_of_the_signal(
    program: Start, answering: Answering, name: str, by: signal.Signals
) -> None:
    """It has not done its work, so its status is not 0; and there is no traceback."""
    arrived, go = threading.Event(), threading.Event()

    def silent(connection: socket.socket) -> None:
        arrived.set()
        go.wait(30)

    running = program(name, "127.0.0.1", answering(silent))
    assert arrived.wait(30)
    ended = running.end(by)
    go.set()
    assert (ended.status, ended.err) == (-by, "")


def test_half_close_reads_what_comes_after(client: RunClient, answering: Answering) -> None:
    def later(connection: socket.socket) -> None:
        while connection.recv(100):
            pass
        connection.sendall(b"after the end\0")

    assert client("half_close", answering(later), "bye").out == "sent 3\nreceived 14 b'after the end\\x00'\n"


def test_read_to_eof_shows_the_beginning_only(client: RunClient, answering: Answering) -> None:
    ended = client("read_to_eof", answering(lambda connection: connection.sendall(b"x" * 100_000)))
    assert ended.out == f"received 100000 {b'x' * 40!r}...\n"


def test_datagrams_come_back(client: RunClient, server: Start) -> None:
    echo = server("udp_echo")
    ended = client("send_datagrams", echo.port, "--count", 5, "--size", 1000, "--timeout", 30)
    assert (ended.status, ended.err) == (0, "")
    assert re.fullmatch(
        r"port \d+\nsent 5 back 5 whole 5 cut 0 lost 0\norder 0 1 2 3 4\n",
        ended.out,
    )
    assert client("send_datagrams", echo.port, "--connect", "--size", 8, "--gap", 0.001, "--timeout", 30).status == 0


def test_datagrams_cut_short(client: RunClient, server: Start) -> None:
    ended = client("send_datagrams", server("udp_echo", "--buffer", 20).port, "--count", 2, "--timeout", 30)
    assert ended.status == 3
    assert ended.out.splitlines()[1] == "sent 2 back 2 whole 0 cut 2 lost 0"


def test_datagrams_lost_doubled_and_out_of_order(client: RunClient) -> None:
    """A server that loses number 1, and answers 2, 0, 0."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(30)

        def serve() -> None:
            got = [sock.recvfrom(1000) for _ in range(3)]
            for number in (2, 0, 0):
                sock.sendto(*got[number])

        thread = threading.Thread(target=serve)
        thread.start()
        ended = client("send_datagrams", sock.getsockname()[1], "--count", 3, "--timeout", 1)
        thread.join()
    assert ended.status == 3
    assert ended.out.splitlines()[1:] == ["sent 3 back 3 whole 2 cut 0 lost 1", "order 2 0 0", "lost 1"]
    assert ended.err.count("\n") == 1


def test_a_closed_udp_port_is_heard_of_only_by_a_connected_socket(client: RunClient) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    ended = client("send_datagrams", port, "--count", 1, "--connect", "--timeout", 30)
    assert ended.status == 1
    assert ended.out.endswith("recvfrom: ECONNREFUSED\n")
    ended = client("send_datagrams", port, "--count", 1, "--timeout", 0.1)
    assert ended.status == 3
    assert "lost 1" in ended.out


def test_a_datagram_longer_than_udp_allows(client: RunClient) -> None:
    ended = client("send_datagrams", 9, "--size", 65508)
    assert (ended.status, ended.out) == (1, "sendto: EMSGSIZE\n")


def test_network_order(client: RunClient, server: Start) -> None:
    echo = server("echo_serial")
    ended = client("network_order", echo.port)
    here, wire = echo.port.to_bytes(2, sys.byteorder).hex(), echo.port.to_bytes(2, "big").hex()
    told = [
        *("order " + sys.byteorder, f"port {here} as {wire}", "address 7f000001"),
        *("little 0201 cast 2", "big 0102 cast 2"),
        *("inet_pton 1", "inet_pton-text 0", "inet_pton-family -1 EAFNOSUPPORT"),
        f"connected 127.0.0.1 {echo.port}",
    ]
    assert (ended.status, ended.out.splitlines(), ended.err) == (0, told, "")
    assert echo.line().startswith("accepted 127.0.0.1 ")


def test_network_order_without_htons(client: RunClient, server: Start) -> None:
    """What reaches the server is meant for the port with its bytes turned round, on a little-endian machine."""
    echo = server("echo_serial")
    meant = socket.htons(echo.port)
    ended = client("network_order", meant, "--forget-htons")
    assert (ended.status, ended.out.splitlines()[-1]) == (0, f"connected 127.0.0.1 {echo.port}")


def test_network_order_where_nobody_listens(client: RunClient, closed_port: int) -> None:
    ended = client("network_order", closed_port)
    assert (ended.status, ended.out.splitlines()[-1]) == (1, "connect: ECONNREFUSED")
    assert ended.err.endswith("Connection refused; start a server on that port first\n")


def test_probe_socket(program: Start) -> None:
    ended = program("probe_socket", 6000, 1, 2**30, 2**31 - 1).end()
    assert (ended.status, ended.err) == (0, "")
    told = dict(line.split(" ", 1) for line in ended.out.splitlines())
    assert (told["tcp-type"], told["udp-type"]) == (str(int(socket.SOCK_STREAM)), str(int(socket.SOCK_DGRAM)))
    assert told["tcp-set-type"] == told["udp-set-type"] == "ENOPROTOOPT"
    assert re.fullmatch(r"sndbuf \d+ rcvbuf \d+", told["tcp"])
    assert (told["stream-default"], told["datagram-default"]) == ("6", "17")
    assert told["stream-udp"] == told["datagram-tcp"] == "EPROTONOSUPPORT"
    assert told["6000"] == "sndbuf 12000 rcvbuf 12000"
    assert told[str(2**30)] == told[str(2**31 - 1)]
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        least = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    assert told["1"].split()[1] == str(least)


@pytest.mark.parametrize("cut_by", [("--alarm", 1), ("--alarm", 1, "--restart"), ("--timeout", 1)])
def test_a_send_that_is_cut_short(client: RunClient, cut_by: tuple[str | int, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        ended = client("send_once", listener.getsockname()[1], "--sndbuf", 8192, *cut_by)
    assert (ended.status, ended.err) == (0, "")
    assert 0 < int(ended.out.removeprefix("sent ")) < 1_000_000


def test_a_send_of_little_takes_all(client: RunClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = client("send_once", listener.getsockname()[1], "--bytes", 5)
    assert (ended.status, ended.out, ended.err) == (0, "sent 5\n", "")
