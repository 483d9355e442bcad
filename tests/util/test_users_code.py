"""A user's code cannot end the lab's process; a signal still can."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable

import pytest

from badwire.util.signals import Interrupted
from badwire.util.users_code import Exited, cause, described, guarded


class Silent(BaseException):
    """An exception whose message is the user's code, too."""

    def __str__(self) -> str:
        raise SystemExit(0)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (SystemExit(0), "SystemExit: 0"),
        (SystemExit(), "SystemExit"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit("done"), "GeneratorExit: done"),
        (asyncio.CancelledError(), "CancelledError"),
        (pytest.skip.Exception("not today"), "Skipped: not today"),
        (BaseExceptionGroup("several", [SystemExit(0)]), "BaseExceptionGroup: several (1 sub-exception)"),
        (Silent(), "Silent: its message cannot be shown, which raises SystemExit"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, BaseException) else "",
)
def test_what_would_end_the_process_is_an_exception(error: BaseException, text: str) -> None:
    with pytest.raises(Exited) as caught, guarded():
        raise error
    assert cause(caught.value) is error
    assert str(caught.value) == described(error) == text


@pytest.mark.parametrize("leave", [os._exit, exit, quit], ids=["_exit", "exit", "quit"])
def test_a_call_that_ends_the_process_does_not(leave: Callable[[int], None]) -> None:
    before = os._exit
    with pytest.raises(Exited, match=r"^SystemExit: 0$"), guarded():
        (os._exit if leave is before else leave)(0)  # looked up inside the block, as the code's own call is
    assert os._exit is before


def test_a_forked_process_ends_as_it_wants() -> None:
    with guarded():
        child = os.fork()
        if child == 0:
            os._exit(7)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


@pytest.mark.parametrize("error", [ValueError("x"), Interrupted(signal.SIGTERM)], ids=["an error", "a signal"])
def test_all_else_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, guarded():
        raise error
    assert caught.value is error
    assert cause(error) is error


def test_ctrl_c_is_no_exception_of_the_code() -> None:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(Interrupted), guarded():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_in_another_thread() -> None:
    raised: list[BaseException] = []

    def run() -> None:
        try:
            with guarded():
                raise SystemExit(0)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert [type(error) for error in raised] == [Exited]
