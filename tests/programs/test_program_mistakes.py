"""The faulty programs: each makes its mistake, and otherwise does what a correct one does."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.programs.conftest import Program, RunClient, Start

ECHO = [
    *("echo_strlen", "echo_one_read", "echo_short_write", "echo_past_end", "echo_fork_open", "echo_fork_zombies"),
    "echo_fork_listener",
    *("echo_fork_eintr", "echo_thread_slots", "echo_reuseaddr_late"),
]
FORKING = ["echo_fork", "faulty/echo_fork_open", "faulty/echo_fork_zombies", "faulty/echo_fork_eintr"]
ACCEPT = "inet_csk_accept|inet_csk_wait_for_connect"
SOON, QUIET = 30, 0.5  # seconds: what is to come comes before, what is not to come has not come after


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=SOON)


def ask(connection: socket.socket, text: bytes = b"hello") -> bytes:
    connection.sendall(text)
    return connection.recv(len(text), socket.MSG_WAITALL)


def to_the_end(connection: socket.socket) -> bytes:
    got = b""
    while data := connection.recv(65536):
        got += data
    return got


def children(pid: int) -> list[str]:
    """The states of its children, in the order in which they began."""
    states = []
    for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # its parent has just waited for it
            states.append(state(int(number)))
    return states


def state(pid: int) -> str:
    """The state of a process, such as "S", "T" or "Z"."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_until_asleep_in(call: str, program: Program) -> None:
    """Wait until its first thread sleeps in a function of the kernel that is named like this, or like that."""
    wait_until(lambda: re.search(call, Path(f"/proc/{program.pid}/wchan").read_text()))


def assert_nothing_came(connection: socket.socket) -> None:
    connection.setblocking(False)
    with pytest.raises(BlockingIOError):
        connection.recv(1)
    connection.settimeout(SOON)


def wait_until(satisfied: Callable[[], object]) -> None:
    """For what only /proc shows, without an event: in which call a program sleeps, and which children are left."""
    until = time.monotonic() + SOON
    while not satisfied():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("name", ECHO)
def test_one_short_text_comes_back_and_the_server_can_be_stopped(server: Start, name: str) -> None:
    echo = server(f"faulty/{name}")
    with connect(echo.port) as connection:
        assert ask(connection) == b"hello"
        assert echo.line().startswith("accepted 127.0.0.1 ")
        echo.popen.send_signal(signal.SIGTERM)  # before a child ends, which may interrupt accept
    ended = echo.end()
    assert (ended.status, ended.err) == (-signal.SIGTERM if name == "echo_fork_eintr" else 0, "")


@pytest.mark.parametrize(("name", "back"), [("echo_serial", b"a\0b"), ("faulty/echo_strlen", b"a")])
def test_bytes_taken_for_text_end_at_a_nul(server: Start, name: str, back: bytes) -> None:
    with connect(server(name).port) as connection:
        connection.sendall(b"a\0b")
        connection.shutdown(socket.SHUT_WR)
        assert to_the_end(connection) == back


@pytest.mark.parametrize("name", ["echo_serial", "faulty/echo_one_read"])
def test_one_read_is_not_a_message(server: Start, name: str) -> None:
    with connect(server(name).port) as connection:
        assert ask(connection, b"one ") == b"one "
        if name == "echo_serial":
            assert ask(connection, b"message") == b"message"
            return
        assert connection.recv(1) == b""
        connection.sendall(b"message")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while True:
                connection.sendall(b"anybody there?")


@pytest.mark.parametrize("name", ["echo_select", "faulty/echo_short_write"])
def test_what_did_not_fit_into_the_buffer(server: Start, name: str) -> None:
    echo = server(name, "--sndbuf", 4000)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4000)
        connection.settimeout(SOON)
        connection.connect(("127.0.0.1", echo.port))
        assert echo.line().startswith("accepted ")
        connection.sendall(bytes(60_000))
        connection.shutdown(socket.SHUT_WR)
        if name != "echo_select":
            wait_until_asleep_in(ACCEPT, echo)  # it has read it all, and left away what did not fit
        assert (len(to_the_end(connection)) == 60_000) == (name == "echo_select")


@pytest.mark.parametrize("name", ["echo_serial", "faulty/echo_past_end"])
def test_the_end_of_file(server: Start, name: str) -> None:
    echo = server(name)
    with connect(echo.port) as connection:
        assert ask(connection) == b"hello"
        connection.shutdown(socket.SHUT_WR)
        if name == "echo_serial":
            assert connection.recv(1) == b""
            return
        assert [echo.line().split()[0] for _ in range(2)] == ["accepted", "empty"]
        wait_until_asleep_in("pause", echo)
        assert_nothing_came(connection)
        assert echo.end(signal.SIGTERM).status == 0
        assert connection.recv(1) == b""


@pytest.mark.parametrize("name", FORKING)
def test_the_parents_copy_and_the_childrens_ends(server: Start, name: str) -> None:
    echo, clients = server(name), 1 if name.endswith("eintr") else 3
    kept = [connect(echo.port) for _ in range(clients)]
    for connection in kept:
        assert ask(connection) == b"hello"
        connection.shutdown(socket.SHUT_WR)
    left = ["Z"] * clients if name.endswith("zombies") else []
    if not name.endswith("eintr"):
        wait_until(lambda: children(echo.pid) == left)
    for connection in kept:
        if name.endswith("open"):
            assert_nothing_came(connection)  # and nothing will: the child is gone
        else:
            assert connection.recv(1) == b""
        connection.close()


@pytest.mark.parametrize("name", ["echo_fork", "faulty/echo_fork_listener"])
def test_the_listener_after_the_parents_death(server: Start, name: str) -> None:
    echo = server(name)
    with connect(echo.port) as connection:
        assert ask(connection) == b"hello"
        os.kill(echo.pid, signal.SIGKILL)
        wait_until(lambda: Path(f"/proc/{echo.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
        assert ask(connection) == b"hello"
        if name == "echo_fork":
            with pytest.raises(ConnectionRefusedError):
                connect(echo.port)
            return
        with connect(echo.port) as late:
            late.sendall(b"hello")
            late.settimeout(QUIET)
            with pytest.raises(TimeoutError):
                late.recv(1)


def test_an_interrupted_accept_ends_it(server: Start) -> None:
    echo = server("faulty/echo_fork_eintr")
    with connect(echo.port) as connection:
        assert ask(connection) == b"hello"
        wait_until_asleep_in(ACCEPT, echo)
    ended = echo.end()
    assert (ended.status, ended.out.splitlines()[-1]) == (1, "accept: EINTR")
    assert ended.err.startswith("echo_fork_eintr: accept failed: ")


def test_with_sa_restart_accept_goes_on(server: Start) -> None:
    echo = server("faulty/echo_fork_eintr", "--restart")
    for _ in range(2):
        with connect(echo.port) as connection:
            assert ask(connection) == b"hello"
            wait_until_asleep_in(ACCEPT, echo)
        wait_until(
            lambda: children(echo.pid) in (["Z"], [])
        )  # Python's handler waits for the next client, C's does not
    assert echo.end(signal.SIGTERM).status == -signal.SIGTERM


def test_ignored_children_leave_no_zombie(server: Start) -> None:
    echo = server("faulty/echo_fork_zombies", "--ignore")
    with connect(echo.port) as connection:
        assert ask(connection) == b"hello"
        assert len(children(echo.pid)) == 1
    wait_until(lambda: children(echo.pid) == [])
    assert echo.end(signal.SIGTERM).status == 0


def test_one_signal_for_several_children(server: Start) -> None:
    echo = server("faulty/echo_fork_once", "--clients", 3, "--work", 0.5)
    clients = [connect(echo.port) for _ in range(3)]
    assert [ask(client) for client in clients] == [b"hello"] * 3
    os.kill(echo.pid, signal.SIGSTOP)  # so that all three end before it takes the signal
    wait_until(lambda: state(echo.pid) == "T")
    for client in clients:
        client.close()
    wait_until(lambda: children(echo.pid) == ["Z"] * 3)
    os.kill(echo.pid, signal.SIGCONT)
    assert [echo.line().split()[0] for _ in range(4)] == ["accepted", "accepted", "accepted", "reaped"]
    wait_until_asleep_in("sigtimedwait", echo)  # no further signal is pending
    assert children(echo.pid) == ["Z"] * 2
    assert echo.end(signal.SIGTERM).status == -signal.SIGTERM


def test_slots_are_never_freed(server: Start) -> None:
    echo = server("faulty/echo_thread_slots", "--slots", 2)
    for _ in range(2):
        with connect(echo.port) as connection:
            assert ask(connection) == b"hello"
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""
    with connect(echo.port) as connection:
        assert connection.recv(1) == b""
    ended = echo.end(signal.SIGINT)
    assert re.fullmatch(r"echo_thread_slots: turned the client 127\.0\.0\.1 port \d+ away: .*\n", ended.err)


@pytest.mark.parametrize("name", ["greet_fork", "faulty/greet_fork_late"])
def test_a_silent_client_keeps_others_waiting_where_the_parent_reads(server: Start, name: str) -> None:
    greeter = server(name)
    with connect(greeter.port) as silent, connect(greeter.port) as other:
        other.sendall(b"Ada\nand more")
        if name != "greet_fork":
            wait_until_asleep_in("sk_wait_data|wait_woken", greeter)  # for the first one's name
            assert_nothing_came(other)
            silent.shutdown(socket.SHUT_WR)  # it has no name
            assert to_the_end(silent) == b"hello, "
        assert other.recv(11, socket.MSG_WAITALL) == b"hello, Ada\n"
    assert greeter.end(signal.SIGTERM).status == 0


@pytest.mark.parametrize("name", ["echo_serial", "faulty/echo_reuseaddr_late"])
def test_reuseaddr_set_after_bind_is_set_too_late(program: Start, server: Start, name: str) -> None:
    first = server(name, "--reuseaddr", "--close-after", 1) if name == "echo_serial" else server(name, "--reuseaddr")
    with connect(first.port) as connection:
        assert ask(connection) == b"hello"
        assert first.end(signal.SIGTERM).status == 0
        assert connection.recv(1) == b""
        again = program(name, first.port, "--reuseaddr")
        if name == "echo_serial":
            assert again.ready().port == first.port
        else:
            assert again.end().out == "bind: EADDRINUSE\n"


def test_a_udp_client_without_a_timeout_waits(program: Start, server: Start, client: RunClient) -> None:
    echo = server("udp_echo")
    assert client("faulty/ask_for_ever", echo.port, "hi").out == "received 2 b'hi'\n"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        waiting = program("faulty/ask_for_ever", "127.0.0.1", silent.getsockname()[1])
        silent.settimeout(SOON)
        assert silent.recv(100) == b"anybody there?"
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.popen.wait(QUIET)
        ended = waiting.end(signal.SIGTERM)
        assert (ended.status, ended.out, ended.err) == (-signal.SIGTERM, "", "")
