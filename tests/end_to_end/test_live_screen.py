"""`badwire run` on a terminal of our own: what a person sees, and how the terminal is left."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from badwire.pytest_plugin import require
from badwire.uml import cache, kernels
from tests.command_line import LAB, ROOT, environment, lab, story
from tests.conftest import lack_of
from tests.report.live.terminal import Screen, Terminal

PANEL = re.compile(r"\d frames?  ")


@pytest.fixture(autouse=True)
def namespaces() -> None:
    """Labs are on netns here."""
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[Terminal]:
    """A run that waits, on the screen."""
    with Terminal([*LAB, "run", story("endless"), "--substrate", "netns", "--out", tmp_path]) as terminal:
        terminal.until(lambda screen: "LISTEN" in screen.text, "in the socket table")
        yield terminal


def is_as_it_was(terminal: Terminal) -> bool:
    """No mode was switched, and the next line begins at its beginning."""
    return not terminal.screen.strange and terminal.screen.column == 0


def test_the_screen_shows_the_run_and_nothing_that_it_wrote_controls_it(tmp_path: Path) -> None:
    with Terminal([*LAB, "run", story("rude"), "--substrate", "netns", "--out", tmp_path], columns=150) as terminal:
        text = terminal.until(lambda screen: "RST" in screen.text and screen.column == 0, "the answer")
        assert text.startswith("rude: A program writes control characters\n")
        assert re.search(r"\d\.\d s  \d frames  so does \\x1b\[31m the scenario", text)
        assert re.search(r"client 10\.\d+\.\d+\.\d+ +server 10\.", text)
        assert "-- so does \\x1b[31m the scenario" in text
        assert re.search(r"  SYN seq 0, win \d+.* +-->", text)
        assert re.search(r"<-- RST, ACK 1", text)
        assert "rude: \\x1b[?1049hother screen" in text
        assert "rude: \\x1b]0;another title\\x07\\x1b[2Jwiped" in text
        terminal.type(b"\x03")
        assert terminal.end() == 130
        assert is_as_it_was(terminal)
        assert not any(bad in terminal.raw.decode() for bad in ("\x1b]", "\x1b[2J", "\x07", "\x9b"))
    told = lab("show", tmp_path / "rude" / "latest").stdout
    assert "\\x1b[?1049hother screen" in told
    assert told.replace("\n", "").isprintable()


def test_in_the_end_there_is_only_the_result(tmp_path: Path) -> None:
    with Terminal([*LAB, "run", story("good"), "--substrate", "netns", "--out", tmp_path], columns=150) as terminal:
        assert terminal.end() == 0
        lines = terminal.screen.history.splitlines()
        assert lines[0] == "good: A SYN crosses the wire"
        assert not PANEL.search(terminal.screen.history)
        assert lines[-2] == f"report: {lines[-1]}/report.html"
        assert Path(lines[-2].removeprefix("report: ")).is_file()
        assert is_as_it_was(terminal)


def test_after_ctrl_c_the_screen_is_gone(endless: Terminal) -> None:
    endless.type(b"\x03")
    assert endless.end() == 130
    assert not PANEL.search(endless.screen.history)
    assert endless.screen.text.startswith("badwire: interrupted; everything is undone")
    assert is_as_it_was(endless)


def test_after_kill_the_terminal_is_as_it_was(endless: Terminal) -> None:
    os.kill(endless.pid, signal.SIGKILL)
    assert endless.end() == 128 + signal.SIGKILL
    assert is_as_it_was(endless)
    assert endless.screen.rows[endless.screen.row] == "", "the shell's prompt has a line of its own"


def _painted_since(terminal: Terminal, seen: int, screen: Screen) -> bool:
    return len(terminal.raw) > seen and _whole(screen)


def test_a_window_that_changes_its_size_is_painted_anew(endless: Terminal) -> None:
    for columns, lines in ((64, 20), (30, 8), (120, 40)):
        endless.resize(columns, lines)
        seen = len(endless.raw)
        endless.until(partial(_painted_since, endless, seen), "painted whole")
        assert all(len(row) <= columns for row in endless.screen.rows)
    assert not endless.screen.strange


def _whole(screen: Screen) -> bool:
    heading = [row for row in screen.rows if row.startswith("endless: Nobody")]
    return len(heading) == 1 and screen.column == 0 and "10." in screen.text


def test_after_a_stop_it_goes_on_below(endless: Terminal) -> None:
    os.kill(endless.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, endless.pid, os.WSTOPPED | os.WNOWAIT)
    endless.read_all()
    endless.screen.take("a shell was here\r\n")
    os.kill(endless.pid, signal.SIGCONT)
    seen = len(endless.raw)
    endless.until(lambda screen: len(endless.raw) > seen + 200 and screen.column == 0, "painted again")
    assert "a shell was here" in endless.screen.history
    os.kill(endless.pid, signal.SIGTERM)
    assert endless.end() == 143
    assert "a shell was here\nbadwire: ended by SIGTERM" in endless.screen.history


def test_a_pipe_gets_plain_lines(tmp_path: Path) -> None:
    done = lab("run", story("good"), "--substrate", "netns", "--out", tmp_path)
    title, *steps = sorted(done.stderr.splitlines(), reverse=True)
    assert title == "good: A SYN crosses the wire"
    assert all(re.match(r" *\d+\.\d s  \w", step) for step in steps)
    assert (done.stdout + done.stderr).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("env", "columns", "command"),
    [
        ({"TERM": "dumb"}, 100, "{lab}"),
        ({"NO_COLOR": "1"}, 100, "{lab}"),
        ({}, 50, "{lab}"),
        ({}, 100, "{lab} | cat"),  # it writes on the same terminal, at a time of its own
    ],
)
def test_a_terminal_that_can_or_may_do_little_gets_plain_lines(
    env: dict[str, str], columns: int, command: str, tmp_path: Path
) -> None:
    words = " ".join(map(str, [*LAB, "run", story("good"), "--substrate", "netns", "--out", tmp_path]))
    with Terminal(["sh", "-c", command.format(lab=words)], columns=columns, env=env) as terminal:
        assert terminal.end() == 0
        plain = re.sub(rb"\x1b\[\d*m", b"", terminal.raw)
        assert b"\x1b" not in plain
        assert b"s  running\r\n" in plain


def test_quiet_shows_nothing_but_the_result(tmp_path: Path) -> None:
    argv = [*LAB, "run", story("good"), "--substrate", "netns", "--quiet", "--out", tmp_path]
    with Terminal(argv) as terminal:
        assert terminal.end() == 0
        assert terminal.screen.history.splitlines()[0] == "good: A SYN crosses the wire"
        assert b"running" not in terminal.raw


def test_several_at_once_are_a_list(tmp_path: Path) -> None:
    files = [story("good"), story("endless")]
    argv = [*LAB, "run", *files, "--substrate", "netns", "--jobs", "2", "--out", tmp_path]
    with Terminal(argv, lines=60) as terminal:
        text = terminal.until(lambda screen: "1 of 2 done, last good" in screen.text, "one done")
        assert "HOLDS: 1 of 1 held" in text, "its result stands above"
        terminal.until(lambda screen: "endless: running" in screen.text, "the other")
        terminal.type(b"\x03")
        assert terminal.end() == 130
        assert " done" not in terminal.screen.history.replace("undone", "")
        assert is_as_it_was(terminal)


def test_on_the_virtual_clock_the_evidence_is_the_same_to_the_byte(tmp_path: Path) -> None:
    if (kernel := cache.ready_kernel()) is None or kernels.trial(kernel) is not None:
        require.lacking("there is no kernel for the virtual clock that runs here", {"virtual"})
    words = ["run", "timewait", "--clock", "virtual", "--out"]
    with Terminal([*LAB, *words, tmp_path / "seen"]) as terminal:
        terminal.until(lambda screen: "s of protocol time in" in screen.text, "both clocks")
        assert terminal.end() == 0
    assert lab(*words, tmp_path / "unseen").returncode == 0
    for file in ("frames.pcapng", "evidence.jsonl", "result.json"):
        seen, unseen = (tmp_path / how / "timewait" / "latest" / file for how in ("seen", "unseen"))
        assert seen.read_bytes() == unseen.read_bytes()


def test_rich_is_not_imported_for_a_run_without_a_terminal(tmp_path: Path) -> None:
    code = "import sys, badwire.cli.main; badwire.cli.main.main(); "
    code += "print([m in sys.modules for m in ('rich', 'badwire.report.live.screen')])"
    argv = [sys.executable, "-c", code, "run", str(story("good")), "--substrate", "netns", "--out", str(tmp_path)]
    done = subprocess.run(argv, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[False, False]"
