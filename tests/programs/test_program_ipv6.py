"""The reference programs over IPv6: servers on ::1, and on :: for both families; clients; addresses that are not."""

import signal
import socket
from contextlib import closing

import pytest

from tests.programs.conftest import Start

STREAM_SERVERS = ["echo_serial", "echo_fork", "echo_thread", "echo_select", "faulty/echo_one_read"]
CLIENTS = ["send_and_verify", "half_close", "send_once", "many_connections", "source"]


def _has_ipv6() -> bool:
    with closing(socket.socket(socket.AF_INET6)) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError:
            return False
    return True


pytestmark = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 on its loopback interface")


@pytest.mark.parametrize("name", STREAM_SERVERS)
def test_a_server_of_both_families(program: Start, name: str) -> None:
    """An IPv4 client has a v4-mapped address (RFC 3493 section 3.7)."""
    server = program(name, "::", 0).ready()
    for address in ("::1", "127.0.0.1"):
        client = program("send_and_verify", address, server.port)
        assert client.end().out == "verified 1 x 13 bytes\n"
    said = server.end(signal.SIGTERM).out.splitlines()
    accepted = [line.split()[1] for line in said if line.startswith("accepted")]
    assert accepted == ["::1", "::ffff:127.0.0.1"]


def test_a_server_of_one_address(program: Start) -> None:
    server = program("echo_serial", "::1", 0).ready()
    assert program("send_and_verify", "::1", server.port).end().status == 0
    refused = program("send_and_verify", "127.0.0.1", server.port).end()
    assert (refused.status, refused.out) == (1, "connect: ECONNREFUSED\n")


@pytest.mark.parametrize("name", CLIENTS)
def test_clients(program: Start, name: str) -> None:
    server = program("sink" if name == "source" else "echo_thread", "::1", 0).ready()
    more = {"many_connections": ["--connections", 3], "source": ["--bytes", 100]}.get(name, [])
    assert program(name, "::1", server.port, *more).end().status == 0
    assert server.line().startswith("accepted ::1 ")


def test_typed_lines(program: Start) -> None:
    server = program("upper", "::1", 0, "--print").ready()
    client = program("talk", "::1", server.port, typing=True)
    assert client.line().startswith("connected ::1 ")
    client.type("abc\n")
    assert [client.line(), client.line()] == ["send: abc", "recv: ABC"]
    assert server.line().startswith("accepted ::1 ")
    assert server.line().startswith("received ::1 ")


def test_datagrams(program: Start) -> None:
    server = program("udp_echo", "::", 0).ready()
    for address, seen in {"::1": "::1", "127.0.0.1": "::ffff:127.0.0.1"}.items():
        assert program("send_datagrams", address, server.port, "--count", 1).end().status == 0
        assert f" {seen} " in server.line()


def test_a_link_local_address_has_a_scope(program: Start) -> None:
    """The loopback interface has no such address, so that the kernel refuses to connect; without a scope, too."""
    scoped = program("send_and_verify", "fe80::1%lo", 9).end()
    assert (scoped.status, scoped.out.partition(":")[0]) == (1, "connect")
    unknown = program("send_and_verify", "fe80::1%none", 9).end()
    assert (unknown.status, "IPv6 address of a host" in unknown.err) == (2, True)


@pytest.mark.parametrize("address", ["::1::", "1:2:3:4:5:6:7:8:9", "::1%", "%lo", "fe80::" + "1" * 60, ""])
def test_what_is_no_address(program: Start, address: str) -> None:
    ended = program("echo_serial", address, 0)
    assert ended.end().status == 2


@pytest.mark.parametrize("name", ["network_order", "faulty/show_addresses"])
def test_a_lesson_about_ipv4_says_so(program: Start, name: str) -> None:
    more = [] if "show" in name else [9]
    ended = program(name, "::1", *more).end()
    assert (ended.status, "IPv4" in ended.err) == (2, True)
