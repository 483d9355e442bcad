"""How the reference programs handle signals, with no moment at which one could be missed.

A signal handler in Python runs between two steps of the program. A signal that comes just before `accept` blocks would
therefore be noticed only when the next client comes: the two ways below do not depend on a handler.
"""

import os
import signal
import threading
from typing import NoReturn

STOP = (signal.SIGTERM, signal.SIGINT)


def stop_at_once() -> None:
    """For a server: SIGTERM and SIGINT end it with status 0, whatever call it is blocked in.

    A thread waits for them. The kernel closes the sockets, so every connection gets its FIN.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)

    def wait() -> NoReturn:
        signal.sigwait(STOP)
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def end_by_signal() -> None:
    """For a client: SIGINT ends it as SIGTERM does, by the signal, without Python's traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def hold() -> None:
    """Block SIGTERM and SIGINT from here on; `told` waits for one of them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)


def told() -> None:
    """Return when SIGTERM or SIGINT has come."""
    signal.sigwait(STOP)


def as_bytes(*numbers: int) -> int:
    """For a server that forks: return the end of a pipe, to select, in which each signal arrives as a byte."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return reading


def fork(*numbers: int) -> int:
    """Fork as `os.fork` does, but in the child these signals have their default effect from the first moment on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        if (pid := os.fork()) == 0:
            signal.set_wakeup_fd(-1)
            for number in numbers:
                signal.signal(number, signal.SIG_DFL)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
