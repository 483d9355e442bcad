"""A program with a terminal on a host, as the agent gives it, the same on every substrate."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from badwire.agent.host.program import WINDOW
from badwire.store.recorder import Recorder
from badwire.testbed import Host, Lab
from tests.conformance.conftest import Opener


class TerminalRecorder(Recorder):
    """Collects what terminals show, and how their programs end."""

    def __init__(self, folder: Path, snaplen: int) -> None:
        super().__init__(folder, snaplen)
        self.changed = threading.Condition()
        self.shown = b""
        self.ended: dict[int, dict[str, Any]] = {}

    def record(self, kind: str, **fields: Any) -> None:
        with self.changed:
            if kind == "terminal":
                self.shown += fields["data"]
            else:
                super().record(kind, **fields)
            if kind == "program" and fields["event"] == "exit":
                self.ended[fields["program"]] = fields
            self.changed.notify_all()

    def wait_for(self, words: bytes) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: words in self.shown, 20), self.shown[-500:]

    def wait_for_end(self, program: int) -> dict[str, Any]:
        with self.changed:
            assert self.changed.wait_for(lambda: program in self.ended, 20), self.shown[-500:]
        return self.ended[program]


Recorded = tuple[Lab, TerminalRecorder]


@pytest.fixture
def recorded(opener: Opener) -> Iterator[Recorded]:
    made: list[TerminalRecorder] = []

    def recorder(folder: Path, snaplen: int) -> Recorder:
        made.append(TerminalRecorder(folder, snaplen))
        return made[0]

    with opener(recording=recorder) as lab:
        yield lab, made[0]


def on_terminal(host: Host, *argv: str) -> int:
    return int(host.ask("terminal", argv=list(argv), rows=24, columns=80, env={"TERM": "dumb"})["program"])


def test_a_shell_does_what_is_typed_and_ends_with_its_status(recorded: Recorded) -> None:
    lab, recorder = recorded
    client = lab.host("client")
    number = on_terminal(client)
    client.ask("type", program=number, data=b"echo $((6 * 7)) $(tty); stty size; id -u; hostname\n")
    recorder.wait_for(b"\r\n42 /dev/pts/")
    recorder.wait_for(b"24 80\r\n")
    client.ask("resize", program=number, rows=50, columns=132)
    client.ask("type", program=number, data=b"stty size; exit 7\n")
    recorder.wait_for(b"50 132\r\n")
    assert recorder.wait_for_end(number)["status"] == 7
    assert b"client" in recorder.shown
    assert b"job control" not in recorder.shown  # what a shell says that has no terminal of its own
    client.ask("type", program=number, data=b"the program has ended\n")
    client.ask("hang_up", program=number)


def test_ctrl_c_ends_what_runs_and_not_the_shell(recorded: Recorded) -> None:
    lab, recorder = recorded
    client = lab.host("client")
    number = on_terminal(client)
    client.ask("type", program=number, data=b"sh -c 'echo go\"es\" on; exec sleep 1000'\n")
    recorder.wait_for(b"goes on")
    client.ask("type", program=number, data=b"\x03")
    client.ask("type", program=number, data=b"echo status $?; exit\n")
    recorder.wait_for(b"status 130")
    assert recorder.wait_for_end(number)["status"] == 0


def test_what_is_on_a_terminal_has_no_rights(recorded: Recorded) -> None:
    lab, recorder = recorded
    client = lab.host("client")
    number = on_terminal(client, "/bin/sh", "-c", "grep CapEff /proc/self/status; cat /dev/stdin")
    recorder.wait_for(b"CapEff:\t0000000000000000")
    client.ask("type", program=number, data=b"by its name\n\x04")
    recorder.wait_for(b"by its name\r\nby its name")
    assert recorder.wait_for_end(number)["status"] == 0


def test_a_program_that_is_not_there_is_named(recorded: Recorded) -> None:
    lab, recorder = recorded
    number = on_terminal(lab.host("client"), "no-such-program")
    recorder.wait_for(b"badwire: no-such-program: No such file or directory")
    assert recorder.wait_for_end(number)["status"] == 127


def test_a_line_that_is_cut_ends_the_program(recorded: Recorded) -> None:
    lab, recorder = recorded
    client = lab.host("client")
    number = on_terminal(client, "/bin/sh", "-c", "echo here; exec sleep 1000")
    recorder.wait_for(b"here")
    client.ask("hang_up", program=number)
    assert recorder.wait_for_end(number)["signal"] == "SIGHUP"


def test_who_does_not_read_stops_the_program_and_not_the_host(recorded: Recorded) -> None:
    lab, recorder = recorded
    client = lab.host("client")
    number = on_terminal(client, "/bin/sh", "-c", "exec yes")
    with recorder.changed:
        assert recorder.changed.wait_for(lambda: len(recorder.shown) >= WINDOW, 20)
    assert client.run("/bin/true").status == 0
    assert len(recorder.shown) < 2 * WINDOW
    client.ask("type", program=number, data=b"\x03")
    before = len(recorder.shown)
    client.ask("acknowledge", program=number, size=before)
    assert recorder.wait_for_end(number)["signal"] == "SIGINT"


def test_more_than_the_terminal_takes_at_once_is_taken_when_it_is_read(recorded: Recorded) -> None:
    lab, recorder = recorded
    client = lab.host("client")
    number = on_terminal(client, "/bin/sh", "-c", "stty raw -echo; echo ready; read go; head -c 300000 | cksum")
    recorder.wait_for(b"ready")
    waiting = client.begin("type", program=number, data=b"go\n" + bytes(300_000))
    assert waiting.result(20) is True
    assert recorder.wait_for_end(number)["status"] == 0
    assert b" 300000" in recorder.shown
