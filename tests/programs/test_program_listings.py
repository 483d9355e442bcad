"""The mistakes that listings in the texts make, in both languages, each by its effect outside the program."""

import contextlib
import select
import socket

import pytest

from tests.programs.conftest import Start


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def test_the_128th_client_ends_the_server_with_a_table(server: Start) -> None:
    echo = server("faulty/echo_thread_table")
    with contextlib.ExitStack() as open_ones:
        for _ in range(127):
            connection = open_ones.enter_context(connect(echo.port))
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
        last = open_ones.enter_context(connect(echo.port))
        ended = echo.end()
        assert (ended.status, ended.out.splitlines()[-1]) == (0, "the table is full")
        assert connection.recv(1) == last.recv(1) == b""


def test_while_another_client_stays_the_third_is_not_answered(server: Start) -> None:
    echo = server("faulty/echo_fork_spin")
    with connect(echo.port) as first, connect(echo.port) as second:
        for connection in (first, second):
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
        second.close()
        while echo.line() != "waited in vain 1000":
            pass
        with connect(echo.port) as third:
            third.sendall(b"x")
            assert not select.select([third], [], [], 0.3)[0]
            first.close()  # then no child is left, and the handler returns
            assert third.recv(1) == b"x"


def test_the_end_of_the_first_client_is_the_end_of_the_server(server: Start) -> None:
    echo = server("faulty/echo_end_error")
    with connect(echo.port) as connection:
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
    ended = echo.end()
    assert (ended.status, ended.out.splitlines()[-1]) == (1, "read failed")


def test_a_length_that_nobody_sets_ends_the_server(server: Start) -> None:
    echo = server("faulty/echo_accept_length")
    with connect(echo.port) as connection:
        ended = echo.end()
        assert (ended.status, ended.out.splitlines()[-1]) == (1, "accept: EINVAL")
        assert connection.recv(1) == b""


def test_a_buffer_one_byte_short_shows_all_but_the_longest_address(program: Start) -> None:
    ended = program("faulty/show_addresses", "255.255.255.255", "10.0.0.255").end()
    assert ended.out == "255.255.255.255 ENOSPC\n10.0.0.255 10.0.0.255\n"
    assert program("faulty/show_addresses").end().status == 2
    assert program("faulty/show_addresses", "no address").end().status == 2


@pytest.mark.parametrize(("name", "to_stranger"), [("talk_udp", False), ("faulty/talk_udp_whoever", True)])
def test_only_the_faulty_client_follows_a_stranger(program: Start, name: str, to_stranger: bool) -> None:
    kind = (socket.AF_INET, socket.SOCK_DGRAM)
    with socket.socket(*kind) as right, socket.socket(*kind) as stranger:
        for each in (right, stranger):
            each.bind(("127.0.0.1", 0))
            each.settimeout(30)
        talk = program(name, "127.0.0.1", right.getsockname()[1], typing=True)
        own = ("127.0.0.1", int(talk.line().split()[1]))
        stranger.sendto(b"not for this client\n", own)
        talk.type("one\n")
        assert right.recv(100) == b"one\n"
        right.sendto(b"answer\n", own)
        assert [talk.line(), talk.line()] == [
            "send: one",
            "recv: not for this client" if to_stranger else "recv: answer",
        ]
        talk.type("two\n")
        assert (stranger if to_stranger else right).recv(100) == b"two\n"
