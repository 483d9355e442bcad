"""What the commands do to a lab that is up, on every substrate."""

import os
import select
import signal
import subprocess
from pathlib import Path
from typing import cast

from badwire.evidence import Evidence
from badwire.faults import Delay, Partition
from badwire.packets import pcapng
from badwire.packets.packet import decode
from tests.end_to_end.running import until
from tests.session.lab_commands import LabCommands, TerminalCommand, interrupt

MISTAKES = [
    ("run-on sevrer echo_serial 7000", "There is no host 'sevrer' in this lab: did you mean server?"),
    ("run-on server echo_seril 7000", "there is no reference program echo_seril"),
    ("run-on server /no/such", "no file /no/such on this host"),
    ("run-on server", "Name a program to run on server"),
    ("shell server", "badwire shell needs a terminal, and standard input is not one"),
    ("fault", "badwire fault needs set, show, clear or release, as in"),
    ("fault sett loss=1%", "did you mean set?"),
    ("fault set", "Name a fault, as in `badwire fault set delay=50ms loss=10%`"),
    ("fault set loss=1% --toward clint", "There is no host 'clint' in this lab: did you mean client?"),
    ("fault set loss=10", "the probability of loss must be a share, such as 10% or 0.1, not '10'"),
    ("fault set --towards server loss=1%", "did you mean --toward?"),
    ("fault set --between client clint loss=1%", "There is no host 'clint' in this lab: did you mean client?"),
    ("fault set --between client client loss=1%", "No frame goes over the wire from client to itself; name two hosts."),
    ("fault set --between client loss=1%", "Name a fault, as in"),
    ("fault set --between client", "--between: expected 2 arguments"),
    ("fault set --from client --between client server loss=1%", "Give a direction in one way"),
    ("fault set --from client --toward client loss=1%", "from client to itself"),
    ("fault set --toward server rate=1Mbit --from client rate=2Mbit", "rate is given twice for frames from client"),
    ("fault set --from client loss=1% from=server", "loss has from=server of its own; give its direction once."),
    ("fault set loss=1% --of server --from client delay=1ms", "Write --toward, --from, --between or --of before"),
    ("fault set loss=1% port=70000", "loss: port must be a whole number from 1 to 65535, not 70000"),
    ("fault set loss=1% for=0s", "loss: for must be a number from 0.001 to 1e+06 s, not 0.0"),
    ("fault show --from client", "badwire fault show has no option --from"),
    ("sockets nobody", "There is no host 'nobody' in this lab: the hosts are server, client."),
    ("capture --live --host x", "There is no host 'x'"),
]
ASKS_WHEN_TOLD = """
import os, socket
connection = socket.create_connection((os.environ["server"], 7000))
print("connected")
input()
connection.sendall(b"hello")
print("sent")
print(connection.recv(5, socket.MSG_WAITALL), "came back")
"""
HELLO = ("run-on", "client", "send_and_verify", "server", 7000)


def test_a_shell_is_at_the_users_terminal(up: LabCommands) -> None:
    with TerminalCommand(up, "shell", "client", rows=31, columns=97) as shell:
        shell.wait_for("client:~")
        shell.type('stty size; sh -c \'trap "stty size" WINCH; echo ar""med; while :; do sleep 0.1; done\'\n')
        shell.wait_for("31 97\r\n")
        shell.wait_for("armed\r\n")
        shell.resize(40, 120)
        shell.wait_for("40 120\r\n")
        shell.type("\x03")
        shell.wait_for("client:~")
        shell.type("echo server is $server; sh -c 'echo ru\"nn\"ing; exec sleep 1000'\n")
        assert "server is 1" in shell.wait_for("running\r\n")
        shell.type("\x03")
        shell.type("echo status $?; exit 5\n")
        shell.wait_for("status 130")
        assert shell.end() == 5


def test_a_shell_runs_reference_programs_and_others_see_their_sockets(up: LabCommands) -> None:
    with TerminalCommand(up, "shell", "server") as shell:
        shell.wait_for("server:~")
        shell.type("echo_serial.py 7000 &\n")
        shell.wait_for("ready 7000")
        assert up.output_of(*HELLO) == "verified 1 x 13 bytes\n"
        assert "LISTEN" in up.output_of("sockets", "server")
        shell.type("kill %1; wait; exit\n")
        assert shell.end() == 0


def test_what_was_typed_in_a_shell_is_on_no_record(up: LabCommands) -> None:
    with TerminalCommand(up, "shell", "client") as shell:
        shell.wait_for("client:~")
        shell.type("echo sec''ret; exit\n")
        shell.wait_for("secret")
        shell.end()
    folder = up.folder
    up.output_of("down")
    assert not any(b"secret" in file.read_bytes() for file in folder.rglob("*") if file.is_file())
    assert [one.name for one in Evidence.load(folder).host("client").programs()] == ["bash"]


def test_a_shell_whose_command_is_killed_ends_and_the_lab_goes_on(up: LabCommands) -> None:
    with TerminalCommand(up, "shell", "server", "--", "echo_serial.py", "7000") as shell:
        shell.wait_for("ready 7000")
        shell.process.kill()
    until(lambda: "no sockets" in up.output_of("sockets", "server"), "an end of it")


def test_a_shell_takes_a_long_paste_and_shows_a_long_file(up: LabCommands) -> None:
    with TerminalCommand(
        up, "shell", "client", "--", "/bin/sh", "-c", "stty raw -echo; echo ready; head -c 200000"
    ) as shell:
        shell.wait_for("ready")
        left, shown = b"x" * 200_000, 0
        while shown < 200_000:
            readable, writable, _ = select.select([shell.master], [shell.master] if left else [], [], 20)
            assert readable or writable
            if readable:
                shown += os.read(shell.master, 65536).count(b"x")
            if writable:
                left = left[os.write(shell.master, left[:1000]) :]
        assert shell.process.wait(20) == 0


def test_a_program_of_ones_own_runs_on_a_host(up: LabCommands, tmp_path: Path) -> None:
    up.output_of("down")
    own = tmp_path / "mine"
    own.write_text("#!/bin/sh\necho to $1; echo aside >&2; exit 9\n")
    own.chmod(0o755)
    up.up("--mount", own)
    done = up.lab("run-on", "client", own, "[{server}]:7000", "-v")
    assert (done.returncode, done.stderr) == (9, "aside\n")
    assert done.stdout.startswith("to [1") and done.stdout.endswith("]:7000\n")


def test_ctrl_c_is_for_the_program(up: LabCommands) -> None:
    server = up.serve("echo_serial", 7000)
    assert up.output_of(*HELLO) == "verified 1 x 13 bytes\n"
    interrupt(server)
    out, err = server.communicate(timeout=20)
    assert server.returncode == 0 and out.startswith("accepted ") and err == ""  # it ends in good order, as it should
    asleep = up.start("run-on", "client", "/bin/sh", "-c", "echo go; exec sleep 1000")
    assert asleep.stdout is not None and asleep.stdout.readline() == "go\n"
    interrupt(asleep)
    assert asleep.wait(20) == 128 + signal.SIGINT


def test_a_program_whose_command_is_killed_ends(up: LabCommands) -> None:
    server = up.serve("echo_serial", 7000)
    assert "LISTEN" in up.output_of("sockets", "server")
    server.kill()
    until(lambda: "no sockets" in up.output_of("sockets", "server"), "an end of it")


def piped(up: LabCommands, *words: str) -> "subprocess.Popen[bytes]":
    """A program on the client between two pipes."""
    return cast("subprocess.Popen[bytes]", up.start("run-on", "client", *words, stdin=subprocess.PIPE, text=False))


def test_a_program_is_a_pipe(up: LabCommands) -> None:
    """Any bytes go in and come out, more than the lab records of them."""
    bytes_in = os.urandom(3_000_000)
    copying = piped(up, "/bin/cat")
    out, err = copying.communicate(bytes_in, timeout=60)
    assert (copying.returncode, out == bytes_in, err) == (0, True, b"")
    counting = piped(up, "/bin/sh", "-c", "head -c 5; exit 7")
    out, err = counting.communicate(b"\xff\0\n\xc3z" + bytes_in, timeout=60)
    assert (counting.returncode, out, err) == (7, b"\xff\0\n\xc3z", b"")
    folder = up.folder
    up.output_of("down")
    first, second = Evidence.load(folder).host("client").programs()
    assert first.typed.endswith("the rest is discarded]\n") and first.out.endswith("the rest is discarded]\n")
    assert second.typed.startswith("\\xff\0\n\\xc3z")


def test_a_line_is_answered_before_the_next_is_typed(up: LabCommands) -> None:
    with TerminalCommand(up, "run-on", "client", "/bin/cat") as copying:
        for line in ("first", "second"):
            copying.type(f"{line}\n")
            copying.wait_for(f"{line}\r\n{line}\r\n")
        copying.type("\x04")
        assert copying.process.wait(20) == 0


def test_a_reader_that_stops_reading_stops_the_program(up: LabCommands) -> None:
    flooding = piped(up, "/bin/sh", "-c", "yes")
    assert flooding.stdout is not None and flooding.stdout.read(1) == b"y"
    flooding.stdout.close()
    flooding.stdout = None
    assert flooding.wait(20) == 141
    assert up.output_of("run-on", "client", "/bin/echo", "still here") == "still here\n"


def test_a_partition_of_everything_can_be_cleared(up: LabCommands) -> None:
    """Commands do not go over the wire: nothing that is done to it locks anybody out.

    The connection is there before the fault: one that is being made fails with EHOSTUNREACH once ARP has asked three
    times in vain (arp(7), mcast_solicit), and one that is there tries again for a quarter of an hour (tcp(7),
    tcp_retries2), however long the commands take.
    """
    up.serve("echo_serial", 7000)
    with TerminalCommand(up, "shell", "client", "--", "python3", "-c", ASKS_WHEN_TOLD) as asking:
        asking.wait_for("connected")
        shown = up.output_of("fault", "set", "partition", "delay=200s", "hold")
        assert all("partition delay=200s hold  (relay)" in line for line in shown.splitlines())
        asking.type("go on\n")
        asking.wait_for("sent")
        with TerminalCommand(up, "shell", "client", "--", "hostname") as shell:
            shell.wait_for("client")
            shell.end()
        (connection,) = [line for line in up.output_of("sockets", "client").splitlines() if "ESTABLISHED" in line]
        assert connection.split()[3] == "5", "its bytes were not acknowledged"
        assert up.output_of("fault", "clear") == "toward server  nothing\ntoward client  nothing\n"
        asking.wait_for("b'hello' came back")
        assert asking.end() == 0


def test_faults_are_set_as_they_are_typed(up: LabCommands) -> None:
    up.serve("echo_serial", 7000)
    words = "nth=1 data=yes"
    assert up.output_of("fault", "set", "--toward", "server", *words.split()) == f"toward server  {words}  (relay)\n"
    assert up.output_of("fault", "show") == f"toward server  {words}  (relay)\ntoward client  nothing\n"
    up.output_of(*HELLO)
    up.output_of("fault", "set", "--toward", "client", "delay=30ms")
    up.output_of(*HELLO)
    folder = up.folder
    up.output_of("down")
    seen = Evidence.load(folder)
    assert sum(not frame.delivered_at for frame in seen.frames(to="server")) == 1
    delay = seen.faults(kind=Delay, toward="client")
    assert delay.first.fault == Delay(0.03)
    slow = [frame.delay for frame in seen.frames(to="client", after=delay[0].began) if frame.delay]
    assert slow and min(slow) >= 0.029


def test_each_host_has_the_faults_that_are_named_after_it(up: LabCommands) -> None:
    words = ("--toward", "server", "delay=100ms", "--toward", "client", "delay=10ms", "loss=1%")
    expected = "toward server  delay=100ms  ({0})\ntoward client  delay=10ms loss=1%  ({0})\n"
    shown = up.output_of("fault", "set", *words)
    assert shown in (expected.format("relay"), expected.format("netem"))
    up.output_of("fault", "set", "loss=2%", "--toward", "server")
    assert up.output_of("fault", "show").splitlines()[0].startswith("toward server  loss=2%  (")
    up.output_of("fault", "set", "--toward=server", "--toward", "client", "delay=5ms")
    assert [line.split()[2] for line in up.output_of("fault", "show").splitlines()] == ["delay=5ms", "delay=5ms"]
    before = up.output_of("fault", "show")
    refused = ("--toward", "server", "delay=1ms", "--toward", "clint", "delay=2ms")
    assert "did you mean client?" in up.error_of("fault", "set", *refused, status=2)
    assert up.output_of("fault", "show") == before


def test_faults_between_hosts_replace_and_lift_those_of_the_same_direction(up: LabCommands) -> None:
    shown = up.output_of("fault", "set", "--between", "client", "server", "delay=5ms", "port=7000")
    pair = [
        "toward server  delay=5ms from=client port=7000  (relay)",
        "toward client  delay=5ms from=server port=7000  (relay)",
    ]
    assert sorted(shown.splitlines()) == sorted(pair)
    shown = up.output_of("fault", "set", "--from", "client", "loss=1%")
    assert sorted(shown.splitlines()) == sorted(["toward server  loss=1% from=client  (relay)", pair[1]])
    shown = up.output_of("fault", "clear", "--from", "server")
    assert sorted(shown.splitlines()) == ["toward client  nothing", "toward server  loss=1% from=client  (relay)"]
    shown = up.output_of("fault", "set", "--of=server", "partition", "for=100ms")
    ends = ["toward client  partition from=server for=100ms  (relay)", "toward server  partition for=100ms  (relay)"]
    assert sorted(shown.splitlines()) == ends
    until(lambda: up.output_of("fault", "show").count("nothing") == 2, "an end of the partition")
    folder = up.folder
    up.output_of("down")
    partition = Evidence.load(folder).faults(kind=Partition)
    assert {(each.from_, each.toward) for each in partition} == {("server", "client"), (None, "server")}
    for each in partition:
        assert each.ended is not None and each.ended - each.began >= 100_000_000


def test_what_a_hold_keeps_is_let_go(up: LabCommands) -> None:
    server = up.serve("udp_echo", 7000)
    up.output_of("fault", "set", "--toward", "server", "hold", "protocol=udp")
    up.lab("run-on", "client", "send_datagrams", "server", 7000, "--count", 2, "--timeout", 0.2)
    done = up.lab("fault", "release", "--toward", "server")
    assert "2 frames toward server were delivered" in done.stderr
    interrupt(server)
    server.communicate(timeout=20)


def test_a_fault_that_an_engine_cannot_do_changes_nothing(up: LabCommands) -> None:
    up.output_of("down")
    up.up("--engine", "relay")
    before = up.output_of("fault", "set", "loss=10%")
    assert "delay: time must be a number" in up.error_of("fault", "set", "delay=300s", status=2)
    assert up.output_of("fault", "show") == before


def test_sockets_are_watched_as_they_change(up: LabCommands) -> None:
    watching = up.start("sockets", "--watch", "server")
    assert watching.stdout is not None
    assert watching.stdout.readline() == "server: no sockets\n"
    server = up.serve("echo_serial", 7000)
    seen = next(line for line in watching.stdout if "LISTEN" in line)
    assert seen.split() == ["tcp", "LISTEN", "0", "128", "*:7000", "*:*"]
    interrupt(server)
    assert any(line == "server: no sockets\n" for line in watching.stdout)


def test_at_a_terminal_the_tables_are_one_picture(up: LabCommands) -> None:
    with TerminalCommand(up, "sockets", "--watch") as watching:
        watching.wait_for("client: no sockets")
        up.serve("echo_serial", 7000)
        assert "\x1b[H" in watching.wait_for("LISTEN")
        watching.type("\x03")
        watching.wait_for("\x1b[?1049l")
        assert watching.end() == 130


def test_frames_are_captured_live(up: LabCommands, tmp_path: Path) -> None:
    file = tmp_path / "live.pcapng"
    with file.open("wb") as out:
        live = up.start("capture", "--live", "--host", "client", stdout=out)
    until(lambda: file.stat().st_size, "a capture")
    up.serve("echo_serial", 7000)
    up.output_of(*HELLO)
    up.output_of("down")
    assert live.wait(20) == 0
    capture = pcapng.read(file)
    assert {frame.port for frame in capture.frames} == {"client"} and capture.complete and capture.dropped is None
    assert {frame.direction for frame in capture.frames} == {"in", "out"}
    flags = [packet.tcp.flags for frame in capture.frames if (packet := decode(frame.data)).tcp]
    assert flags[:3] == ["S", "SA", "A"]


def test_what_has_passed_is_captured_too_and_by_direction(up: LabCommands, tmp_path: Path) -> None:
    up.serve("echo_serial", 7000)
    up.output_of(*HELLO)
    file = tmp_path / "toward.pcapng"
    with file.open("wb") as out:
        assert up.start("capture", "--toward", "server", stdout=out).wait(20) == 0
    frames = pcapng.read(file).frames
    assert {(frame.port, frame.direction) for frame in frames} == {("server", "out")} and len(frames) > 3


def test_a_live_capture_ends_when_nobody_reads_any_more(up: LabCommands) -> None:
    live = up.start("capture", "--live", stdout=subprocess.PIPE, text=False)
    assert live.stdout is not None and live.stdout.read(4)
    live.stdout.close()
    assert live.wait(20) == 141


def test_a_mistake_is_named_and_nothing_happens(own: LabCommands) -> None:
    own.up()
    for words, sentence in MISTAKES:
        assert sentence in own.error_of(*words.split(), status=2)
    assert own.output_of("fault", "show") == "toward server  nothing\ntoward client  nothing\n"


def test_a_capture_is_not_shown_on_a_terminal(own: LabCommands) -> None:
    own.up()
    with TerminalCommand(own, "capture", "--live") as showing:
        assert "pipe it, as in `badwire capture --live | tcpdump -n -r -`" in showing.wait_for("-r -`")
        assert showing.process.wait(20) == 2
