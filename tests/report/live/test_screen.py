"""Lines painted over and over, on a terminal of our own."""

import os
import pty
import termios
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TextIO

import pytest

from badwire.report.live.painter import Painter
from badwire.report.live.screen import Live
from tests.report.live.terminal import Screen

COLUMNS, LINES = 40, 10


class Pty:
    """A terminal that a test in this process writes to."""

    def __init__(self, undo: ExitStack) -> None:
        self.ours, theirs = pty.openpty()
        undo.callback(os.close, self.ours)
        self.stream: TextIO = undo.enter_context(os.fdopen(theirs, "w", encoding="utf-8"))
        self.screen = Screen(COLUMNS, LINES)
        self.resize(COLUMNS)

    def resize(self, columns: int) -> None:
        """Only the width changes."""
        termios.tcsetwinsize(self.ours, (LINES, columns))
        self.screen.resize(columns, LINES)

    def shown(self) -> list[str]:
        """The screen after all that was written."""
        os.write(self.stream.fileno(), b"!")  # so that there is something to read
        data = b""
        while not data.endswith(b"!"):
            data += os.read(self.ours, 1 << 16)
        self.screen.take(data[:-1].decode())
        assert not self.screen.strange
        return self.screen.text.split("\n")


@pytest.fixture
def terminal() -> Iterator[Pty]:
    with ExitStack() as undo:
        yield Pty(undo)


@pytest.fixture
def painter(terminal: Pty) -> Painter:
    return Painter(terminal.stream)


def test_it_paints_over_what_it_painted_and_over_nothing_else(terminal: Pty, painter: Painter) -> None:
    print("before", file=terminal.stream, flush=True)
    painter.paint(["one", "two", "three"], 5)
    assert terminal.shown() == ["before", "one", "two", "three"]
    painter.paint(["1", "\x1b[1m2\x1b[0m"], 1)
    assert terminal.shown() == ["before", "1", "2"]
    assert (terminal.screen.row, terminal.screen.column) == (3, 0), "the cursor rests below"
    painter.erase()
    print("after", file=terminal.stream, flush=True)
    assert terminal.shown() == ["before", "after"]


def test_at_the_bottom_the_text_above_moves_up(terminal: Pty, painter: Painter) -> None:
    print("\n".join(f"before {n}" for n in range(LINES - 1)), file=terminal.stream, flush=True)
    for _ in range(3):
        painter.paint(["one", "two"], 3)
    assert terminal.shown()[-3:] == ["before 8", "one", "two"]
    assert terminal.screen.gone == ["before 0", "before 1"]


def test_after_others_wrote_it_goes_on_below(terminal: Pty, painter: Painter) -> None:
    painter.paint(["one"], 3)
    painter.forget()
    print("a shell", file=terminal.stream, flush=True)
    painter.paint(["two"], 3)
    assert terminal.shown() == ["one", "a shell", "two"]


def test_a_terminal_that_became_narrower_begins_anew(terminal: Pty, painter: Painter) -> None:
    print("before", file=terminal.stream, flush=True)
    painter.paint(["x" * 30], 30)
    terminal.shown()
    terminal.resize(31)
    painter.paint(["y" * 30], 30)
    assert terminal.shown() == ["before", "y" * 30], "all of it still fits"
    terminal.resize(20)
    painter.paint(["z" * 19], 19)
    assert terminal.shown() == ["z" * 19]
    assert "before" in terminal.screen.gone, "nothing of what was there is lost"


def test_what_the_encoding_does_not_have_is_shown_by_its_code(terminal: Pty) -> None:
    with os.fdopen(os.dup(terminal.stream.fileno()), "w", encoding="ascii") as stream:
        Painter(stream).paint(["ü"], 1)
    assert terminal.shown() == ["\\xfc"]


def test_a_failure_ends_the_painting_and_nothing_else(terminal: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of paint")

    monkeypatch.setattr(Painter, "paint", broken)
    with Live(terminal.stream) as live:
        live.step("first")
        live._thread.join()
        live.step("second")
        with live.aside():
            print("a result", file=terminal.stream, flush=True)
    assert str(live.failure) == "out of paint"
    assert terminal.shown() == ["a result"]


def test_a_terminal_that_is_gone_is_no_error(terminal: Pty) -> None:
    with os.fdopen(os.dup(terminal.stream.fileno()), "w") as stream, Live(stream) as live:
        os.close(terminal.ours)
        live.step("first")
        live._thread.join()
    assert isinstance(live.failure, OSError)
    terminal.ours = os.open(os.devnull, os.O_RDONLY)  # the fixture closes it
