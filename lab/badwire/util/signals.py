"""Handles Ctrl-C, SIGTERM and SIGHUP: the first one interrupts the run; later ones do not disturb its cleanup."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
)
STILL_CLEANING_UP = "still cleaning up; kill -9 ends it at once, and leaves nothing behind either."
_WAKE_UP = signal.SIGURG  # its default action is to do nothing (signal(7))
_REPEAT_AFTER = 0.05  # seconds


class Interrupted(KeyboardInterrupt):
    """A signal interrupted the run; `folder` has the evidence recorded so far, None if there is none."""

    def __init__(self, number: int = signal.SIGINT, folder: Path | None = None) -> None:
        self.number = number
        self.folder = folder
        super().__init__(str(self))

    def __str__(self) -> str:
        cause = "interrupted"
        if self.number != signal.SIGINT:
            name = signal.Signals(self.number).name
            cause = f"ended by {name}"
        if self.folder is None:
            return f"{cause}; everything is undone."
        return f"{cause}; everything is undone, and the evidence so far is in {self.folder}."

    @property
    def exit_status(self) -> int:
        """The exit status by the shell's convention, 128 + signal: 130 for Ctrl-C."""
        return 128 + self.number


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block, the first of ``SIGNALS`` raises Interrupted; each later one prints a message.

    A signal that is ignored on entry stays ignored. Call it from the main thread.
    """
    seen = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        if seen.is_set():
            print(f"badwire: {STILL_CLEANING_UP}", file=sys.stderr)
            return
        seen.set()
        raise Interrupted(number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    with ensure_delivery(seen):
        for number in SIGNALS:
            if before[number] is not signal.SIG_IGN:  # ignored by nohup, or for a shell's background job
                signal.signal(number, handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def ensure_delivery(seen: threading.Event) -> Iterator[None]:
    """Ensure that the main thread runs its handler for the first signal, which then sets ``seen``.

    Python runs handlers between two bytecode instructions of the main thread. If a signal arrives just before the main
    thread blocks in a system call, its handler runs only when that call returns, which may be never. A helper thread
    therefore interrupts the call with SIGURG until ``seen`` is set. It also sends one SIGURG after each SIGCONT, which
    the kernel may deliver to any thread.
    """
    arrived, wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(arrived, True)
    main = threading.get_ident()

    def repeat() -> None:
        while byte := os.read(arrived, 1):
            number = byte[0]
            if number == signal.SIGCONT:
                signal.pthread_kill(main, _WAKE_UP)
            while number in SIGNALS and not seen.wait(_REPEAT_AFTER):
                signal.pthread_kill(main, _WAKE_UP)
        os.close(arrived)

    old_handler = signal.signal(_WAKE_UP, lambda *_: None)
    old_wakeup = signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    thread = threading.Thread(target=repeat, name="signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(old_wakeup)
        signal.signal(_WAKE_UP, old_handler)
        os.close(wakeup)
