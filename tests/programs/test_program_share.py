"""The server whose child and parent hold a connection together, and the client that writes on after the end."""

import signal
import socket

import pytest

from tests.programs.conftest import Program, RunClient, Start


def connect(server: Program) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    assert server.line().startswith("accepted 127.0.0.1 ")
    return connection


def test_child_and_parent_take_turns_and_the_last_close_closes(server: Start) -> None:
    share = server("share")
    with connect(share) as connection:
        connection.sendall(b"send\nclose\nsend\n")  # at once: neither takes a line that is not its own
        assert [share.line() for _ in range(4)] == ["child send", "child close", "parent alone", "parent send"]
        connection.sendall(b"close\n")
        assert connection.makefile().read() == "child\nparent\n"
        assert share.line() == "parent close"
    with connect(share) as connection:  # the next client
        connection.sendall(b"send\n")
        assert connection.recv(100) == b"child\n"
    assert share.line() == "child send"
    assert share.line() == "parent alone"  # both saw the end


def test_a_shutdown_is_one_for_both(server: Start) -> None:
    share = server("share")
    with connect(share) as connection:
        connection.sendall(b"shutdown\nsend\nexit\nsend\nshutdown\n")
        assert connection.recv(100) == b""
        assert [share.line() for _ in range(3)] == ["child shutdown", "child send: EPIPE", "parent alone"]
        assert [share.line() for _ in range(2)] == ["parent send: EPIPE", "parent shutdown"]


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("orders", [b"", b"exit\n"], ids=["child", "parent"])
def test_stopped_while_either_waits_it_leaves_nobody_behind(server: Start, by: signal.Signals, orders: bytes) -> None:
    share = server("share")
    with connect(share) as connection:
        connection.sendall(orders)
        if orders:
            assert share.line() == "parent alone"
        ended = share.end(by)
        assert (ended.status, ended.err) == (0, "")
        assert connection.recv(1) == b""  # nobody has it any more


def test_share_outlives_a_client_that_breaks_off(server: Start) -> None:
    share = server("share")
    with connect(share) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert share.line() == "parent alone"
    with connect(share) as connection:
        connection.sendall(b"send\n")
        assert connection.recv(100) == b"child\n"


@pytest.mark.parametrize(
    ("option", "status", "last"), [([], 1, "send: EPIPE"), (["--sigpipe"], -signal.SIGPIPE, "the connection is broken")]
)
def test_the_second_write_after_the_end_fails_or_kills(
    server: Start, client: RunClient, option: str, status: int, last: str
) -> None:
    ended = client("write_on", server("greet_and_close").port, *option)
    said = ["the server has closed", "sent 15", "the connection is broken", "send: EPIPE"]
    assert ended.status == status
    assert ended.out.splitlines() == said[: said.index(last) + 1]
    assert ended.err.count("\n") == (0 if option else 1)
