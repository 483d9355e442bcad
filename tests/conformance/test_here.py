"""The process that runs the test is the client, the same on every substrate."""

import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from badwire.errors import BadOption
from badwire.evidence import Evidence
from badwire.faults import Delay, Partition
from badwire.testbed import Lab
from badwire.testbed.here import Here
from badwire.units import ms
from tests.conformance.conftest import Opener
from tests.end_to_end.running import until
from tests.pace import HANG

PYTHON = "/usr/bin/python3"
MB = 1 << 20
ENDLESS = """
import socket
connection, _ = socket.create_server(("", 7000)).accept()
while True:
    connection.sendall(bytes(65536))
"""


def connect(lab: Lab, port: int) -> socket.socket:
    return socket.create_connection(lab.host("here").forward(lab.host("server"), port), timeout=HANG)


def send_everything(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def everything_from(connection: socket.socket) -> bytes:
    received = bytearray()
    while data := connection.recv(1 << 16):
        received += data
    return bytes(received)


def forwarding() -> list[str]:
    """The threads that pass bytes on."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("forwarded")]


def test_a_library_of_this_process_is_the_client(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        server = lab.host("server")
        server.start(PYTHON, "-m", "http.server", "{port}", "--directory", "/etc", port=80, timeout=HANG)
        address, port = lab.host("here").forward(server, 80)
        assert address == "127.0.0.1"
        with urllib.request.urlopen(f"http://{address}:{port}/hosts", timeout=HANG) as answer:
            assert b"localhost" in answer.read()
    connection = seen().established(80)
    assert (connection.client.host, connection.server.host) == ("client", "server")


def test_all_bytes_pass_in_both_directions_and_so_does_the_end_of_each(lab: Lab) -> None:
    lab.host("server").start("echo_serial", 7000)
    sent = bytes(range(256)) * (2 * MB // 256)
    with connect(lab, 7000) as client:
        sending = threading.Thread(target=send_everything, args=(client, sent))
        sending.start()
        assert everything_from(client) == sent
        sending.join()
    with connect(lab, 7000) as client:  # the server, which serves one at a time, has seen the end
        client.sendall(b"again")
        assert client.recv(5, socket.MSG_WAITALL) == b"again"


def test_the_servers_end_does_not_end_the_clients(lab: Lab) -> None:
    listener = lab.host("server").listen(7000)
    with connect(lab, 7000) as client:
        accepted = listener.accept()
        accepted.shutdown("SHUT_WR")
        assert client.recv(10) == b""
        client.sendall(b"still here")
        lab.host("server").wait_until(state="FIN_WAIT_2", where=lambda entry: entry["rqueue"] == 10)
        assert accepted.recv().value == b"still here"


def test_a_reset_is_passed_on(lab: Lab) -> None:
    listener = lab.host("server").listen(7000)
    with connect(lab, 7000) as client:
        accepted = listener.accept()
        accepted.linger(0)
        accepted.close()
        with pytest.raises(ConnectionResetError):
            client.recv(10)


def test_the_clients_reset_is_passed_on(lab: Lab) -> None:
    listener = lab.host("server").listen(7000)
    client = connect(lab, 7000)
    accepted = listener.accept()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()
    assert accepted.recv().errno == "ECONNRESET"


def test_where_nobody_listens_the_client_is_reset(lab: Lab) -> None:
    with connect(lab, 9) as client, pytest.raises(ConnectionResetError):
        client.recv(10)


def test_faults_are_on_its_way_and_the_way_may_begin_at_any_host(opener: Opener) -> None:
    with opener("server", "other", "client") as lab:
        server, other = lab.host("server"), lab.host("other")
        server.start("echo_serial", 7000)
        way = lab.host("here").forward(server, 7000, via=other)
        with lab.wire.fault(Delay(200 * ms), toward=other), socket.create_connection(way, HANG) as client:
            began = time.monotonic()
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            assert time.monotonic() - began >= 0.2
        assert lab.evidence().established(7000).client.host == "other"


def test_many_at_once(lab: Lab) -> None:
    lab.host("server").start("echo_thread", 7000)
    way = lab.host("here").forward(lab.host("server"), 7000)

    def ask(number: int) -> bytes:
        with socket.create_connection(way, HANG) as client:
            client.sendall(b"%5d" % number)
            client.shutdown(socket.SHUT_WR)
            return everything_from(client)

    with ThreadPoolExecutor(30) as pool:
        assert list(pool.map(ask, range(60))) == [b"%5d" % number for number in range(60)]
    until(lambda: len(forwarding()) == 1, "the end of all connections, and not of the port")


def test_a_client_that_does_not_read_stops_the_server(lab: Lab) -> None:
    server = lab.host("server")
    server.start(PYTHON, "-c", ENDLESS, port=7000, timeout=HANG)
    with connect(lab, 7000):
        # Its queue is full, and so is everything before it.
        server.wait_until(state="ESTABLISHED", where=lambda entry: entry["timer"] == "probe", timeout=HANG)


def test_it_ends_with_the_lab_whatever_goes_on(opener: Opener) -> None:
    with opener() as lab:
        server, here = lab.host("server"), lab.host("here")
        server.listen(7000)
        idle = connect(lab, 7000)
        server.wait_until(state="ESTABLISHED")
        lab.wire.set_faults(server, Partition())
        unanswered = socket.create_connection(here.forward(server, 7000), HANG)
        lab.host("client").wait_until(state="SYN_SENT")
        way = unanswered.getpeername()
    for client in (idle, unanswered):
        with client, suppress(ConnectionResetError):
            assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(way)
    assert forwarding() == []
    with pytest.raises(BadOption, match="this lab has ended"):
        here.forward(server, 7000)


def test_only_this_machines_loopback_has_the_port(lab: Lab) -> None:
    _, port = lab.host("here").forward(lab.host("server"), 7000)
    listening = Path("/proc/net/tcp").read_text().splitlines() + Path("/proc/net/tcp6").read_text().splitlines()
    bound = {line.split()[1] for line in listening if f":{port:04X} " in line and line.split()[3] == "0A"}
    assert bound == {f"0100007F:{port:04X}"}


@pytest.mark.parametrize("port", [0, 65536, -1, "80", True, None])
def test_a_port_that_is_none(port: object) -> None:
    with pytest.raises(BadOption, match=r"is not a TCP port: give a number from 1 to 65535$"):
        Here({}).forward(None, port)  # type: ignore[arg-type]


def test_the_only_host_of_a_lab(opener: Opener) -> None:
    with opener("server") as lab, pytest.raises(BadOption, match="server is the only host of this lab"):
        lab.host("here").forward(lab.host("server"), 80)
