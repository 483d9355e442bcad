"""Ctrl-C, SIGTERM and SIGHUP: the first breaks the run off in good order; more do not disturb the undoing."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """The run was broken off from outside; `folder` keeps the evidence so far, if there is any."""

    def __init__(self, number: int = signal.SIGINT, folder: Path | None = None) -> None:
        self.number, self.folder = number, folder
        super().__init__(str(self))

    def __str__(self) -> str:
        word = "interrupted" if self.number == signal.SIGINT else f"ended by {signal.Signals(self.number).name}"
        kept = f", and the evidence so far is in {self.folder}" if self.folder else ""
        return f"{word}; everything is undone{kept}."

    @property
    def exit_status(self) -> int:
        """As a shell would see it: 130 for Ctrl-C."""
        return 128 + self.number


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside the block the first of the signals raises Interrupted; those after it are answered with a word."""
    seen = False

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        if seen:
            print("lab: still undoing; kill -9 ends it at once, and leaves nothing behind either.", file=sys.stderr)
            return
        seen = True
        raise Interrupted(number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        if before[number] is not signal.SIG_IGN:  # nohup, or a shell's background job
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
