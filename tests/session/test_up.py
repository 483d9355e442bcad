"""A lab that is kept up: how it starts, how it ends, and what is left when it is killed."""

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from badwire.evidence import Evidence
from tests.end_to_end.running import assert_all_gone, marked, until
from tests.session.lab_commands import LabCommands, TerminalCommand, interrupt


def test_it_says_what_to_type_next_and_ends_with_a_report(commands: LabCommands) -> None:
    output = commands.up("--hosts", "client=2", "--seed", 5).splitlines()
    assert output[0].startswith(f"The lab is up ({commands.substrate}): server ") and "client2" in output[0]
    assert any(line.endswith("badwire shell client1") for line in output)
    assert output[-1] == str(commands.folder.relative_to(commands.cwd))
    assert commands.output_of("down").strip() == f"{output[-1]}/report.html"
    assert_all_gone(commands.mark)
    seen = Evidence.load(commands.folder)
    assert seen.error is None and seen.meta["seed"] == 5 and set(seen.hosts) == {"server", "client1", "client2"}
    assert json.loads((commands.folder / "result.json").read_text())["scenario"] == "up"


def test_there_is_one_lab_and_another_beside_it_has_a_name(own: LabCommands) -> None:
    own.up()
    assert "A lab is up already (netns: server 10.0.0.2, client 10.0.0.3)" in own.error_of("up", status=2)
    assert "--name other" in own.up("--name", "other")
    own.output_of("fault", "set", "--name", "other", "partition")
    assert "partition" not in own.output_of("fault", "show")
    own.output_of("down")
    assert own.error_of("fault", "show", status=2) == "No lab 'lab' is up, only other: use --name other."
    own.output_of("down", "--name", "other")


def test_ending_what_is_not_there_is_no_error(own: LabCommands) -> None:
    done = own.lab("down")
    assert done.returncode == 0 and "No lab is up" in done.stderr


def test_a_setting_of_a_host_is_set(up: LabCommands) -> None:
    up.output_of("down")
    up.up("--sysctl", "net.ipv4.tcp_fin_timeout=33", "--sysctl", "client:net.ipv4.tcp_sack=0")
    read = ("/bin/cat", "/proc/sys/net/ipv4/tcp_fin_timeout", "/proc/sys/net/ipv4/tcp_sack")
    assert up.output_of("run-on", "server", *read).split() == ["33", "1"]
    assert up.output_of("run-on", "client", *read).split() == ["33", "0"]


def test_variables_reach_every_program_and_are_on_record(commands: LabCommands) -> None:
    commands.env["SECRET"] = "kept"
    commands.up("--env", "LEVEL=9", "--env", "SECRET", "--snaplen", 134)
    for host in ("server", "client"):
        assert commands.output_of("run-on", host, "/bin/sh", "-c", "echo $LEVEL $SECRET") == "9 kept\n"
    commands.serve("echo_serial", 7000)
    commands.output_of("run-on", "client", "send_and_verify", "server", 7000, "--bytes", 5000)
    folder = commands.folder
    commands.output_of("down")
    seen = Evidence.load(folder)
    assert seen.env == {"LEVEL": "9", "SECRET": "kept"}
    frames = seen.wire.capture.frames
    assert max(len(frame.data) for frame in frames) == 134 < max(frame.length for frame in frames)
    assert "given: env LEVEL=9" in commands.output_of("show", folder)


def test_further_addresses(commands: LabCommands) -> None:
    output = commands.up("--addresses", "server=2", "--ipv6").splitlines()
    shown = dict(part.split(" ", 1) for part in output[0].partition(": ")[2].split(", "))
    first, second = shown["server"].split()
    echoed = commands.output_of("run-on", "client", "/bin/echo", "{server} {server.2} {server.2.address6}")
    assert echoed == f"{first} {second} fd4f:1c00:c450::4\n"
    commands.serve("echo_serial", second, 7000)
    assert commands.output_of("run-on", "client", "send_and_verify", "server.2", 7000) == "verified 1 x 13 bytes\n"
    with TerminalCommand(
        commands, "shell", "client", "--", "/bin/sh", "-c", "echo $server_2 $server_2_address6"
    ) as shell:
        shell.wait_for(f"{second} fd4f:1c00:c450::4")
        assert shell.end() == 0
    folder = commands.folder
    commands.output_of("down")
    result = json.loads((folder / "result.json").read_text())
    assert result["environment"]["further"] == {"server": [second, "fd4f:1c00:c450::4"]}
    assert f"<small>{first}, {second}, fd4f:1c00:c450::4</small>" in (folder / "report.html").read_text()


def test_ipv6_is_there_when_it_is_asked_for(own: LabCommands) -> None:
    own.up()
    refused = own.error_of("run-on", "client", "/bin/echo", "{server.address6}", status=2)
    assert "{server.address6} stands for an IPv6 address" in refused and "badwire up --ipv6" in refused
    own.output_of("down")
    own.up("--ipv6")
    assert own.output_of("run-on", "client", "/bin/echo", "{server.address6}", "{server}") == (
        "fd4f:1c00:c450::2 10.0.0.2\n"
    )
    own.serve("echo_serial", "::", 7000)
    echoed = own.output_of("run-on", "client", "send_and_verify", "{server.address6}", 7000)
    assert echoed == "verified 1 x 13 bytes\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--clock", "virtual"], "its time jumps to the next timer"),
        (["--hosts", "client"], "'client' is not a number of copies of a host, as in client=2"),
        (["--hosts", "clinet=2"], "there is no host 'clinet'"),
        (["--sysctl", "tcp_sack=0"], "is not a sysctl with its value, as in net.ipv4.tcp_sack=0"),
        (["--sysctl", "cleint:net.ipv4.tcp_sack=0"], "sysctls are given for 'cleint', which is not a host"),
        (["--mount", "/no/such"], "--mount names /no/such, which does not exist"),
        (["--addresses", "server"], "'server' is not a number of addresses, as in server=2"),
        (["--addresses", "sevrer=2"], "there is no host 'sevrer'"),
        (["--addresses", "server=0"], "host 'server' cannot have 0 addresses"),
        (["--env", "A-B=3"], "'A-B=3' does not begin with a variable's name"),
        (["--env", "A=1", "--env", "A=2"], "The variable A is given twice"),
        (["--snaplen", "100"], "'100' is not a whole number of bytes from 134"),
        (["--name", "My Lab"], "is not a valid name"),
        (["--substrate", "dokcer"], "did you mean docker"),
    ],
)
def test_a_wrong_wish_is_named(own: LabCommands, options: list[str], sentence: str) -> None:
    assert sentence in own.error_of("up", "--out", own.out, *options, status=2)
    assert not own.out.exists()


def test_killed_it_leaves_nothing_and_the_next_command_says_so(up: LabCommands) -> None:
    waiting = up.start("sockets", "--watch")
    assert waiting.stdout is not None and waiting.stdout.readline()
    folder = up.folder
    os.kill(up.daemon, signal.SIGKILL)
    waiting.communicate()
    assert_all_gone(up.mark)
    ended = f"the lab 'lab' ended without badwire down (was it killed?); its record is in {folder}"
    assert up.error_of("fault", "clear", status=2) == f"No lab is up: {ended}; `badwire up` starts one."
    assert Evidence.load(folder).error == "the run was cut short"
    assert "up" in up.up()


@pytest.mark.parametrize("command", ["up", "down", "clean"])
def test_whoever_comes_next_says_what_became_of_a_killed_one(own: LabCommands, command: str) -> None:
    own.up()
    os.kill(own.daemon, signal.SIGKILL)
    assert_all_gone(own.mark)
    done = own.lab(command, *(["--substrate", "netns", "--out", own.out] if command == "up" else []))
    assert done.returncode == 0
    assert "ended without badwire down (was it killed?)" in done.stdout + done.stderr


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("moment", ["bringing up", "running"])
def test_broken_off_while_it_comes_up_it_leaves_nothing(
    commands: LabCommands, how: signal.Signals, moment: str
) -> None:
    starting = commands.start("up", "--substrate", commands.substrate, "--out", commands.out)
    assert starting.stderr is not None
    for line in starting.stderr:
        if moment in line:
            break
    starting.send_signal(how)
    starting.wait(60)
    if moment == "running" and marked(commands.mark):
        commands.lab("down")  # it was up a moment before the signal came
    assert_all_gone(commands.mark)


def test_ended_by_a_signal_it_leaves_a_report(own: LabCommands) -> None:
    own.up()
    folder = own.folder
    os.kill(own.daemon, signal.SIGTERM)
    assert_all_gone(own.mark)
    assert (folder / "report.html").exists()
    assert own.error_of("sockets", status=2) == "No lab is up; `badwire up` starts one."


def test_one_that_was_stopped_does_not_hang_its_users(own: LabCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    own.up()
    os.kill(own.daemon, signal.SIGSTOP)
    output = own.error_of("fault", "clear", status=3)
    assert f"kill -9 {own.daemon} ends it, and leaves nothing behind" in output
    os.kill(own.daemon, signal.SIGKILL)
    assert_all_gone(own.mark)


def test_what_a_user_does_meanwhile_ends_with_the_lab(own: LabCommands) -> None:
    own.up()
    server, watching = own.serve("echo_serial", 7000), own.start("sockets", "--watch")
    live = own.cwd / "live.pcapng"
    with live.open("wb") as file:
        capturing = own.start("capture", "--live", stdout=file)
    until(lambda: live.stat().st_size, "a capture")
    assert watching.stdout is not None and watching.stdout.readline()
    own.output_of("down")
    assert [one.wait(20) for one in (server, watching, capturing)] == [128 + signal.SIGKILL, 0, 0]


PROGRAM = ("/bin/sleep", "86399")


def agents(own: LabCommands) -> list[int]:
    """The agents of the lab, once one of them has started PROGRAM; no program on a host can kill them."""
    parents: dict[int, int] = {}
    starters: list[int] = []
    for pid in [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]:
        with suppress(OSError):  # it has ended
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            status = Path(f"/proc/{pid}/status").read_text().splitlines()
            (parents[pid],) = [int(line.split()[1]) for line in status if line.startswith("PPid:")]
            if tuple(words[:-1]) == PROGRAM:
                starters.append(parents[pid])
    of_lab = marked(own.mark)
    first = [parents[starter] for starter in starters if starter in of_lab]  # the first process of their namespace
    return [pid for pid in of_lab if parents.get(pid) in first]


def test_a_host_whose_agent_was_killed_is_named_and_the_lab_can_be_ended(own: LabCommands) -> None:
    own.up()
    doing = own.start("run-on", "client", *PROGRAM)
    for agent in until(lambda: agents(own), "a program"):
        os.kill(agent, signal.SIGKILL)
    doing.wait(20)
    until(lambda: own.lab("sockets").returncode == 3, "an agent that is gone")
    assert "before the lab did (was it killed?)" in own.error_of("sockets", status=3)
    done = own.lab("down")
    assert done.returncode == 0 and "(was it killed?)" in done.stderr


def test_a_full_disk_ends_the_record_and_not_the_lab(own: LabCommands) -> None:
    limited = ["sh", "-c", 'ulimit -f 400; exec "$@"', "sh"]
    command = [*limited, *[os.fspath(word) for word in _lab("up", "--substrate", "netns", "--out", own.out)]]
    assert subprocess.run(command, env=own.env, cwd=own.cwd, capture_output=True).returncode == 0
    own.serve("echo_serial", 7000)
    own.output_of("run-on", "client", "send_and_verify", "server", 7000, "--bytes", 1_000_000)
    done = own.lab("fault", "set", "partition")
    assert done.returncode == 0 and "the record is incomplete" in done.stderr
    assert "nothing" in own.output_of("fault", "clear")
    assert own.lab("down").returncode == 0


def _lab(*args: object) -> list[str]:
    from tests.command_line import LAB

    return [*LAB, *map(str, args)]


def test_a_command_that_is_interrupted_says_little(own: LabCommands) -> None:
    own.up()
    watching = own.start("sockets", "--watch")
    assert watching.stdout is not None and watching.stdout.readline()
    interrupt(watching)
    assert watching.communicate()[1] == "" and watching.returncode == 130
