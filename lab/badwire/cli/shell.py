"""`badwire shell HOST`: a shell on a host, in this terminal."""

import argparse
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.cli.streams import write_all
from badwire.errors import BadOption
from badwire.session.connection import ControlConnection, lab_ended

_CHUNK = 1 << 12
_ABOUT = """Open a shell on a host in this terminal, as an unprivileged user. Each host's address is in a variable of
that name ($server), and the reference programs are on the PATH (echo_serial.py 7000). With COMMAND, run that in place
of a shell."""


def shell(argv: list[str]) -> int:
    """Open a shell and return its exit status. Raises LabError."""
    parser = arguments.Parser("shell", _ABOUT)
    add_name(parser.add_argument)
    parser.add_argument("host", metavar="HOST")
    given = parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    given.required = False  # argparse names it as missing, too, where HOST is
    args = parser.parse_args(argv)
    command = arguments.without_separator(args.command)
    if not os.isatty(0):
        raise BadOption(
            "badwire shell needs a terminal, and standard input is not one;"
            f" `badwire run-on {args.host} /bin/sh -c '...'` runs a command without one."
        )
    connection = connect(args.name)
    rows, columns = termios.tcgetwinsize(0)
    term = os.environ.get("TERM", "dumb")
    connection.send(do="shell", host=args.host, argv=command, rows=rows, columns=columns, term=term)
    with _raw(), _window_changes() as changed:
        return _pass_on(connection, changed)


def _pass_on(connection: ControlConnection, changed: int) -> int:
    """Forward bytes in both directions until the shell ends, and return its exit status.

    ``changed`` is a descriptor that is readable once the size of the window has changed.
    """
    poll = select.poll()
    for fd in (0, connection.fileno(), changed):
        poll.register(fd, select.POLLIN)
    while True:
        ready = dict(poll.poll())
        if connection.fileno() in ready:
            exit_status = _print_output(connection)
            if exit_status is not None:
                return exit_status
        if changed in ready:
            os.eventfd_read(changed)
            rows, columns = termios.tcgetwinsize(0)
            connection.send(rows=rows, columns=columns)
        if 0 in ready:
            typed = os.read(0, _CHUNK)
            if not typed:  # the terminal is gone
                connection.close()
                return 128 + signal.SIGHUP
            connection.send(data=typed)


def _print_output(connection: ControlConnection) -> int | None:
    """Print the output that has arrived; return the exit status if the shell has ended, else None."""
    received = connection.receive()
    if received is None:
        raise lab_ended()
    messages = [received, *connection.receive_buffered()]
    for message in messages:
        if "exit" in message:
            return int(message["exit"])
        write_all(sys.stdout.fileno(), message["data"])
    return None


@contextmanager
def _raw() -> Iterator[None]:
    """Put the terminal into raw mode during the block, so that every key goes to the host, including Ctrl-C."""
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextmanager
def _window_changes() -> Iterator[int]:
    """Yield a descriptor that is readable once the size of this terminal has changed."""
    changed = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def on_change(*_: object) -> None:
        os.eventfd_write(changed, 1)

    before = signal.signal(signal.SIGWINCH, on_change)
    try:
        yield changed
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(changed)
