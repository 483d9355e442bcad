"""What a host can do, the same on every substrate."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from badwire.claims import HOLDS, did_not_return
from badwire.errors import BadOption, ProgramFailed, ProgramNotFound, Timeout
from badwire.evidence import Evidence, NotRecorded
from badwire.options import CLOCK
from badwire.testbed import Lab
from badwire.testbed.c_programs import compiled
from tests.conformance.conftest import Opener
from tests.end_to_end.running import until

OWN_SERVER = """#!/usr/bin/env python3
import socket, sys
listener = socket.socket()
listener.bind(("", int(sys.argv[1].removeprefix("--port="))))
listener.listen()
while True:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(connection.recv(100).swapcase())
"""

CONNECTIONS = 60
SAMPLES = 200
MOST_ENTRIES = 16  # of a connection: six states on one host, five on the other, and those of the listener's queue
MOST_BYTES = 1200  # of an entry, with tcp_info
BYTES_WITHOUT_ENTRIES = 200  # of a sample


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_reference_server_serves_a_reference_client(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    echo = server.start("echo_serial", 7000)
    ended = client.run("send_and_verify", server.at(7000), "--bytes", 100_000)
    assert (ended.status, ended.signal, ended.err) == (0, None, "")
    assert echo.stop().status == 0


def test_the_programs_in_c_run_on_every_host(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(programs=compiled(lambda text: None)) as lab:
        server, client = lab.host("server"), lab.host("client")
        echo = server.start("echo_fork", 7000)
        ended = client.run("send_and_verify", server.at(7000), "--bytes", 100_000)
        assert (ended.status, ended.out, ended.err) == (0, "verified 1 x 100000 bytes\n", "")
        assert client.run("talk", server.at(7000), typed="hello\n").out.endswith("send: hello\nrecv: hello\n")
        assert echo.stop().status == 0
        with pytest.raises(ProgramNotFound, match=r"no reference program no_such in C, only .*echo_strlen"):
            server.run("no_such")
    assert seen().meta["lang"] == "c"


def test_what_a_program_runs_beside_is_on_record(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        server = lab.host("server")
        server.listen(7000)
        server.run("try_bind", 7000)
    assert seen().host("server").program("try_bind", 7000, during=("LISTEN", 7000)).output == "bind: EADDRINUSE"


def test_every_host_reaches_every_other(opener: Opener) -> None:
    names = [f"server{number}" for number in (1, 2, 3)] + ["client1", "client2"]
    with opener(*names) as lab:
        listening = {name: lab.host(name).listen(7000) for name in names}
        pairs = [(a, b) for a in names for b in names if a != b]
        outcomes = {(a, b): lab.host(a).socket().connect(lab.host(b).at(7000)).errno for a, b in pairs}
        assert len({lab.host(name).address for name in names}) == len(names)
    assert outcomes == dict.fromkeys(pairs)
    assert len(listening) == 5


def test_a_sysctl_is_set_on_its_host_before_anything_starts(opener: Opener) -> None:
    with opener(sysctls={"server": {"net.ipv4.tcp_fin_timeout": "17"}}) as lab:
        assert [lab.host(name).sysctl("net.ipv4.tcp_fin_timeout") for name in ("server", "client")] == ["17", "60"]


def test_no_route_leaves_the_lab(lab: Lab) -> None:
    _, *routes = lab.host("server").run("/bin/cat", "/proc/net/route").out.splitlines()
    assert len(routes) == 1 and routes[0].split()[1] != "00000000"
    outside = lab.host("server").socket("udp").connect(("192.0.2.1", 9))
    assert outside.errno == "ENETUNREACH"


def test_a_program_has_no_rights_and_cannot_write_outside_its_scratch_folder(lab: Lab) -> None:
    host = lab.host("server")
    status = host.run("/bin/cat", "/proc/self/status").out
    held = dict(re.findall(r"^(Cap\w+|NoNewPrivs):\s+(\w+)$", status, re.MULTILINE))
    assert {int(held[name], 16) for name in ("CapPrm", "CapEff", "CapAmb", "CapInh")} == {0}
    assert held["NoNewPrivs"] == "1"
    refused = host.run("/usr/bin/touch", "/etc/written")
    assert refused.status != 0 and ("Read-only" in refused.err or "Permission denied" in refused.err)
    assert host.run("/bin/sh", "-c", "echo kept > file && cat file").out == "kept\n"


def test_a_program_cannot_talk_to_the_machines_engine(lab: Lab) -> None:
    assert lab.host("server").run("/usr/bin/test", "-S", "/run/docker.sock").status == 1


def test_a_program_cannot_change_the_settings_of_the_machine(lab: Lab) -> None:
    settings = ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness", "/proc/sys/fs/file-max")
    for setting in settings:  # opened, not written: should it succeed, nothing has changed
        refused = lab.host("server").run("/bin/sh", "-c", f"exec 3>>{setting}")
        assert refused.status != 0 and ("Read-only" in refused.err or "Permission denied" in refused.err), setting


def test_the_users_own_program_is_ready_when_it_listens(opener: Opener, tmp_path: Path) -> None:
    own = executable(tmp_path / "swapper", OWN_SERVER)
    tmp_path.chmod(0o755)
    with opener(mounts=[own]) as lab:
        server, client = lab.host("server"), lab.host("client")
        server.start(str(own), "--port={port}", port=7100)
        connection = client.connect(server.at(7100))
        connection.send(b"Hello\0World")
        assert connection.recv().value == b"hELLO\0wORLD"


def test_a_program_that_does_not_exist_is_named(lab: Lab) -> None:
    with pytest.raises(ProgramNotFound, match="no reference program no_such"):
        lab.host("server").run("no_such")
    with pytest.raises(ProgramNotFound, match="no file /no/such on this host"):
        lab.host("server").run("/no/such")


def test_a_program_with_a_mistake_is_found_by_its_name_too(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    running = server.start("echo_strlen", 7101)
    connection = client.connect(server.at(7101))
    connection.send(b"Hello\0World")
    assert connection.recv().value == b"Hello"
    connection.close()
    running.stop()
    with pytest.raises(ProgramNotFound, match=r"only .*ask_for_ever"):
        server.run("no_such")


def test_a_path_without_a_port_is_refused_since_nobody_would_know_when_it_is_ready(lab: Lab) -> None:
    with pytest.raises(BadOption, match="give port="):
        lab.host("server").start("/bin/cat")


def test_a_program_that_dies_at_once_is_quoted(lab: Lab) -> None:
    listener = lab.host("server").listen(7000)
    with pytest.raises(ProgramFailed, match=r"echo_serial ended at once with status 1, .*Address already in use"):
        lab.host("server").start("echo_serial", 7000)
    listener.close()


def test_a_program_that_is_never_ready_is_killed(lab: Lab) -> None:
    host = lab.host("server")
    with pytest.raises(
        ProgramFailed, match=r"status 0, before it was ready; if it goes on as a daemon, start it with its option"
    ):
        lab.host("server").start("/bin/true", port=7000)
    with pytest.raises(ProgramFailed, match=r"with status 3, before it was ready$"):
        lab.host("server").start("/bin/sh", "-c", "exit 3", port=7000)
    with pytest.raises(ProgramFailed, match=r"sleep never listened on port 7000 within 0.3 s; it was killed"):
        host.start("/bin/sleep", "1000", port=7000, timeout=0.3)
    assert [process["name"] for process in host.processes() if process["state"] != "Z"] in ([], ["sleep"])
    host.wait_while(state="LISTEN")


def test_a_program_that_ignores_sigterm_is_killed_and_named(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("badwire.testbed.process.STOP_TIMEOUT", 0.3)
    deaf = lab.host("server").start("/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done", ready=False)
    deaf.wait_for_output("deaf")
    with pytest.raises(ProgramFailed, match=r"sh on server ignored SIGTERM for 0.3 s; it was killed"):
        deaf.stop()
    assert not deaf.running


def test_an_interrupt_ends_a_program_that_does_nothing_about_it(lab: Lab) -> None:
    assert lab.host("server").start("/bin/sleep", "1000", ready=False).interrupt().signal == "SIGINT"


def test_a_program_that_floods_its_output_is_cut_and_not_stopped(lab: Lab) -> None:
    ended = lab.host("server").run("/bin/sh", "-c", "head -c 30000000 /dev/zero | tr '\\0' x; echo end >&2")
    assert (ended.status, ended.err) == (0, "end\n")
    assert len(ended.out) < 1_100_000 and "the rest is discarded" in ended.out


def test_waiting_for_what_never_comes_says_what_is_there_instead(lab: Lab) -> None:
    lab.host("server").listen(7000)
    with pytest.raises(
        Timeout, match=r"server never had 1 socket\(s\) in ESTABLISHED within 0.1 s; it has: LISTEN 7000"
    ):
        lab.host("server").wait_until(state="ESTABLISHED", timeout=0.1)


def test_a_call_on_a_controlled_socket_is_recorded_with_its_errno_and_times(
    opener: Opener, seen: Callable[[], Evidence]
) -> None:
    with opener() as lab:
        outcome = lab.host("client").socket().connect(lab.host("server").at(9))
        assert outcome.errno == "ECONNREFUSED"
    (call,) = seen().host("client").calls("connect")
    assert (call.errno, call.ended > call.began) == ("ECONNREFUSED", True)


def test_a_call_that_blocks_can_be_begun_and_taken_up_later(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener = server.listen(7000)
    accepting = listener.begin("accept")
    connection = client.connect(server.at(7000))
    assert accepting.result().errno is None
    connection.close()


# The call, its arguments, and what the error says.
WRONG_CALLS: list[tuple[str, tuple[object, ...], str]] = [
    ("recv", (), r"recv\(\) cannot be called on a controlled socket: recv"),
    ("recv", (-1,), r"recv\(-1\) .*: negative buffersize"),
    ("recv", (2**62,), r"recv\(\d+\) "),
    ("recv", (2**80,), r"recv\(\d+\.*\d*\) "),
    ("recv", ("SO_LINGRE",), "no constant 'SO_LINGRE', did you mean SO_LINGER; give its number"),
    ("getsockopt", ("SOL_SOCKET", "SO_RCVBUF", 100_000), r"getsockopt\('SOL_SOCKET', 'SO_RCVBUF', 100000\) "),
    ("getsockopt", ("SOL_SOCKET", "so_rcvbuf"), "no constant 'so_rcvbuf', did you mean SO_RCVBUF"),
    ("send", ("text",), "no constant 'text'.*data as bytes"),
    ("send", ("CAPI",), "no constant 'CAPI'"),
    ("send", (1,), "bytes-like object"),
    ("send", (object(),), r"send\(.*\) cannot be called on client: a object is neither"),
    ("connect", (["127.0.0.1", 70_000],), r"connect\(\('127.0.0.1', 70000\)\) .*port must be 0-65535"),
    ("connect", ("127.0.0.1",), "no constant '127.0.0.1'"),
    ("connect", (["127.0.0.1", "http"],), r"connect\(\('127.0.0.1', 'http'\)\) "),
    ("settimeout", (-1,), r"settimeout\(-1\) .*: Timeout value out of range"),
    ("settimeout", (float("nan"),), r"settimeout\(nan\) "),
    ("listen", (2**40,), r"listen\(1099511627776\) "),
    ("close", (1,), r"close\(1\) .* takes"),
    ("sendall", (b"x",), r"sendall\(b'x'\) .*: a controlled socket has no such call, only accept, bind"),
    ("_sock", (), r"_sock\(\) .*no such call"),
]


def test_a_wrong_argument_of_a_call_is_reported_at_once(lab: Lab) -> None:
    """In one lab, since a lab in containers on the virtual clock takes ten seconds of real time to come up."""
    socket = lab.host("client").socket()
    for call, args, message in WRONG_CALLS:
        with pytest.raises(BadOption, match=message):
            socket.call(call, *args, timeout=5)
    assert socket.bind(7000).errno is None  # it still serves


def test_a_wrong_call_that_nobody_waits_for_ends_the_lab(opener: Opener) -> None:
    with pytest.raises(BadOption, match=r"recv\(\) cannot be called"), opener() as lab:
        lab.host("client").socket().begin("recv")
        lab.pass_time(0.2, "the call is refused")


def test_a_call_that_returns_late_and_one_that_is_refused_are_on_record_once(
    opener: Opener, seen: Callable[[], Evidence]
) -> None:
    with opener() as lab:
        server, client = lab.host("server"), lab.host("client")
        listener, connection = server.listen(7000), client.connect(server.at(7000))
        accepted = listener.accept()
        reading = accepted.begin("recv", 100)
        with pytest.raises(BadOption):
            accepted.call("recv", -1)
        lab.pass_time(0.3, "nothing arrives")
        connection.close()
        assert reading.result().value == b""
    run = seen()
    call = run.host("server").call("recv")
    assert [each.call for each in run.host("server").calls("recv")] == ["recv"]
    assert call.args == (100,)
    assert call.blocked_until is None  # the connection was closed, so it returned
    assert (call.returned, call.value) == (True, b"")


def test_a_call_that_blocks_at_the_end_did_not_return(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        lab.host("server").listen(7000).begin("accept")
        until(lambda: len(lab.evidence().host("server").calls("accept")), "the beginning of the call")
        lab.pass_time(0.3, "nobody connects")
    run = seen()
    call = run.host("server").call("accept")
    with pytest.raises(NotRecorded, match="the return of accept on server was not recorded"):
        _ = call.took
    check = did_not_return("accept", call, run)
    assert check.verdict is HOLDS
    assert isinstance(check.measured, float) and check.measured >= 0.3


def test_processes_shows_a_zombie_and_only_the_programs_own_processes(lab: Lab) -> None:
    host = lab.host("server")
    forgetful = "import os, signal\nif os.fork():\n  print('forked', flush=True)\n  signal.pause()"
    host.start("/usr/bin/python3", "-c", forgetful, ready=False).wait_for_output("forked")
    # Its child ends, and it begins to wait for a signal, in no order.
    until(lambda: sorted(process["state"] for process in host.processes()) == ["S", "Z"], "a zombie and its parent")


def test_as_many_sockets_may_be_in_time_wait_as_on_a_machine_with_16_gb(lab: Lab) -> None:
    most = [int(host.sysctl("net.ipv4.tcp_max_tw_buckets")) for host in lab.hosts.values()]
    if os.environ.get(CLOCK) == "virtual":
        assert set(most) == {65536}
    else:
        assert len(set(most)) == 1  # the machine's own


def test_the_evidence_of_a_connection_does_not_grow_with_the_number_of_others(
    opener: Opener, tmp_path: Path, seen: Callable[[], Evidence]
) -> None:
    """Each connection is sampled beside all those before it, which are in TIME_WAIT; then all of them, many times."""
    with opener() as lab:
        server, client = lab.host("server"), lab.host("client")
        listener = server.listen(7000)
        for _ in range(CONNECTIONS):
            connection = client.connect(server.at(7000))
            accepted = listener.accept()
            connection.close()
            # On a busy machine the server's own FIN may overtake its ACK of the client's. That ACK then arrives in
            # TIME_WAIT, is answered, and the RST to the answer ends TIME_WAIT at once (RFC 1337).
            client.wait_until(state="FIN_WAIT_2")
            accepted.close()
            client.wait_until(state="TIME_WAIT")
        for _ in range(SAMPLES):
            client.wait_until(state="TIME_WAIT")
    lines = (tmp_path / "run" / "evidence.jsonl").read_bytes().splitlines()
    samples = [line for line in lines if b'"kind":"sample"' in line]
    assert len(samples) > CONNECTIONS + SAMPLES
    assert sum(map(len, samples)) < CONNECTIONS * MOST_ENTRIES * MOST_BYTES + len(samples) * BYTES_WITHOUT_ENTRIES
    waiting = seen().host("client").timelines("TIME_WAIT")
    assert len({socket.local_port for socket in waiting}) == CONNECTIONS


def test_tcp_uses_the_least_rto_of_a_route(opener: Opener) -> None:
    with opener(routes={"client": {"rto_min": 5000}}) as lab:
        lab.host("server").listen(7000)
        lab.host("client").connect(lab.host("server").at(7000))
        lab.host("client").wait_until(state="ESTABLISHED", where=lambda entry: entry["info"]["rto"] >= 5_000_000)


def test_a_route_says_how_large_the_first_window_is(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(routes={"client": {"initcwnd": 3}}) as lab:
        server, client = lab.host("server"), lab.host("client")
        listener, connection = server.listen(7000), client.connect(server.at(7000))
        listener.accept()
        for host in server, client:
            host.wait_until(state="ESTABLISHED")
        assert connection.close().errno is None
    assert seen().host("client").facts.route == {"initcwnd": 3}
    sides = seen().established(7000).sides
    assert {side.host: side.socket.last("ESTABLISHED").congestion_window for side in sides} == {
        "client": 3,
        "server": 10,
    }


def test_a_metric_that_there_is_not_is_refused(opener: Opener) -> None:
    with pytest.raises(BadOption, match="no metric initcwmd; it has: mtu"), opener(routes={"client": {"initcwmd": 1}}):
        pass


def test_what_is_waited_for_may_be_anything_in_the_table(opener: Opener) -> None:
    with opener() as lab:
        server, client = lab.host("server"), lab.host("client")
        listener, connection = server.listen(7000), client.connect(server.at(7000))
        accepted = listener.accept()
        connection.send(b"12345")
        server.wait_until(state="ESTABLISHED", port=7000, where=lambda entry: entry["rqueue"] == 5)
        accepted.recv()
        server.wait_while(state="ESTABLISHED", port=7000, where=lambda entry: entry["rqueue"] > 0)
        with pytest.raises(Timeout, match=r"1 socket.s. in ESTABLISHED that matches where="):
            server.wait_until(state="ESTABLISHED", where=lambda entry: entry["rqueue"] == 7, timeout=0.1)


def test_a_close_without_lingering_resets(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        server, client = lab.host("server"), lab.host("client")
        listener, connection = server.listen(7000), client.connect(server.at(7000))
        accepted = listener.accept()
        connection.linger(0)
        connection.close()
        assert accepted.recv().errno == "ECONNRESET"
    assert seen().connection(7000).client.segments("R")
