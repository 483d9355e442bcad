"""Ctrl-C, SIGTERM and SIGHUP: the first breaks the run off in good order; more do not disturb the undoing."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NUDGE = signal.SIGURG  # ignored by whoever does not ask for it (signal(7))
_INSIST_EVERY = 0.05  # seconds


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
    seen = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        if seen.is_set():
            print("badwire: still undoing; kill -9 ends it at once, and leaves nothing behind either.", file=sys.stderr)
            return
        seen.set()
        raise Interrupted(number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    with insisting(seen):
        for number in SIGNALS:
            if before[number] is not signal.SIG_IGN:  # nohup, or a shell's background job
                signal.signal(number, handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def insisting(seen: threading.Event) -> Iterator[None]:
    """See to it that the main thread hears of the first signal.

    Python calls a handler between two steps of its own. A signal that comes after the last of them, and before a system
    call that waits, would be heard of when that call returns, which may be never: so the call is interrupted, by a
    signal that does nothing else, until the handler has been called. That the program goes on after a stop, which any
    thread may be told of, main hears once.
    """
    arrived, wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(arrived, True)
    main = threading.get_ident()

    def insist() -> None:
        while number := os.read(arrived, 1):
            if number[0] == signal.SIGCONT:
                signal.pthread_kill(main, _NUDGE)
            while number[0] in SIGNALS and not seen.wait(_INSIST_EVERY):
                signal.pthread_kill(main, _NUDGE)
        os.close(arrived)

    old = signal.signal(_NUDGE, lambda *_: None), signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    threading.Thread(target=insist, name="signals", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(old[1])
        signal.signal(_NUDGE, old[0])
        os.close(wakeup)
