"""The clients that type, and what servers print about them: one line of the one is one line of the other."""

import re
import signal
import socket

import pytest

from tests.programs.conftest import Start


@pytest.fixture
def talk(program: Start) -> Start:
    """A client that types to a port of this machine."""
    return lambda name, port, *args: program(name, "127.0.0.1", port, *args, typing=True)


@pytest.mark.parametrize("name", ["echo_serial", "echo_fork", "echo_thread", "echo_select"])
def test_lines_are_answered_and_the_server_shows_them(server: Start, talk: Start, name: str) -> None:
    echo = server(name, "--print")
    client = talk("talk", echo.port)
    _, address, port = client.line().split()
    for line in ("hello", "zwei Wörter"):
        client.type(f"{line}\n")
        assert [client.line(), client.line()] == [f"send: {line}", f"recv: {line}"]
    client.type("quit\n")
    assert client.end().status == 0
    wanted = [
        f"accepted {address} {port}",
        f"received {address} {port} b'hello\\n'",
        f"received {address} {port} b'zwei W\\xc3\\xb6rter\\n'",
        f"left {address} {port}",
    ]
    assert [echo.line() for _ in wanted] == wanted
    assert echo.end(signal.SIGTERM).status == 0


def test_the_upper_caser_shows_both(server: Start, talk: Start) -> None:
    upper = server("upper", "--print")
    client = talk("talk", upper.port)
    client.type("abc\n")
    client.popen.communicate()
    lines = [re.sub(r"\d+ b", "PORT b", upper.line()) for _ in range(3)][1:]
    assert lines == ["received 127.0.0.1 PORT b'abc\\n'", "answered 127.0.0.1 PORT b'ABC\\n'"]


def test_it_learns_only_after_the_next_line_that_the_server_has_closed(talk: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = talk("talk", listener.getsockname()[1])
        listener.accept()[0].close()
        client.line()
        client.type("hello\n")
        ended = client.end()
        assert ended.status == 0
        assert ended.out.splitlines()[1:] == ["send: hello", "the server has closed"]


def test_nobody_there(talk: Start) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        ended = talk("talk", unused.getsockname()[1]).end()
    assert (ended.status, ended.out) == (1, "connect: ECONNREFUSED\n")


def test_a_greeter_is_told_a_name(server: Start, talk: Start) -> None:
    greeter = server("greet_fork", "--print")
    client = talk("talk", greeter.port)
    client.type("Ada\n")
    assert client.line().startswith("connected ")
    assert [client.line(), client.line()] == ["send: Ada", "recv: hello, Ada"]
    greeter.line()
    assert re.fullmatch(r"received 127\.0\.0\.1 \d+ b'Ada\\n'", greeter.line())


def test_datagrams_are_typed_too(server: Start, talk: Start) -> None:
    echo = server("udp_echo", "--print", "--count", 2)
    client = talk("talk_udp", echo.port)
    _, port = client.line().split()
    for line in ("one", "two"):
        client.type(f"{line}\n")
        assert [client.line(), client.line()] == [f"send: {line}", f"recv: {line}"]
    assert echo.end().out.splitlines()[1:] == [
        f"datagram 4 127.0.0.1 {port} b'one\\n'",
        f"datagram 4 127.0.0.1 {port} b'two\\n'",
    ]
    client.type("q\n")
    assert client.end().status == 0


def test_a_lost_answer_is_noticed(talk: Start) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        client = talk("talk_udp", silent.getsockname()[1], "--timeout", 0.1)
        client.type("hello\n")
        client.line()
        assert [client.line(), client.line()] == ["send: hello", "no answer"]


def test_a_server_can_be_bound_to_one_address(program: Start) -> None:
    port = program("echo_serial", "127.0.0.1", 0).ready().port
    with socket.create_connection(("127.0.0.1", port)):
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port))
