"""Runs a user's code, such as a scenario or a claim, so that only a verdict decides how the lab's process ends."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import NoReturn

from badwire.util.signals import Interrupted


class Exited(Exception):
    """A user's code raised an exception that would have ended this process; that one is the ``__cause__``."""


@contextmanager
def guarded() -> Iterator[None]:
    """Replace an exception of the block that is not an Exception, such as SystemExit, by Exited.

    A KeyboardInterrupt that the code raises is replaced, too; Ctrl-C still raises Interrupted, which passes. Call it
    from any thread; what a signal raises is raised in the main thread.

    Raises:
        Exited: the code raised SystemExit, KeyboardInterrupt, GeneratorExit, pytest's Skipped, or another of that kind,
            or called ``os._exit``.
        Interrupted: a signal arrived.
    """
    with ExitStack() as undo:
        if threading.current_thread() is threading.main_thread():
            _tell_signals_apart(undo)
        _raise_in_place_of_exit(undo)
        try:
            yield
        except (Exception, Interrupted):
            raise
        except BaseException as error:
            raise Exited(described(error)) from error


def cause(error: BaseException) -> BaseException:
    """The exception that the code raised, if this is the Exited that replaced it; else this one itself."""
    if isinstance(error, Exited) and error.__cause__ is not None:
        return error.__cause__
    return error


def described(error: BaseException) -> str:
    """The class and the message of an exception, such as "SystemExit: 0"; an exception may have no message."""
    name = type(error).__name__
    try:
        message = str(error)
    except BaseException as another:  # the method is the user's code, too
        message = f"its message cannot be shown, which raises {type(another).__name__}"
    return f"{name}: {message}".rstrip(": \n")


def _tell_signals_apart(undo: ExitStack) -> None:
    """Let Ctrl-C raise Interrupted: Python's own handler raises what the code itself may raise."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
        undo.callback(signal.signal, signal.SIGINT, signal.default_int_handler)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(number)


def _raise_in_place_of_exit(undo: ExitStack) -> None:
    """Let ``os._exit`` raise SystemExit in this process. In a process that the code forks, it is unchanged."""
    leave = os._exit
    process = os.getpid()

    def leave_child(status: int) -> NoReturn:
        if os.getpid() == process:
            raise SystemExit(status)
        leave(status)

    os._exit = leave_child
    undo.callback(setattr, os, "_exit", leave)
