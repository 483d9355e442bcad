"""`badwire run-on HOST PROGRAM...`: runs a program on a host, with its output and its exit status."""

import argparse
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.errors import BadOption
from badwire.session.connection import ControlConnection, lab_ended
from badwire.util.signals import Interrupted

_CHUNK = 1 << 16  # bytes
_ABOUT = """Run a program on a host until it ends. Standard input goes to the program and its output comes back, byte by
byte; Ctrl-C goes to the program. PROGRAM is the name of a reference program, such as echo_serial, or a path to your
own. In the arguments of a reference program, the name of a host is replaced by its address; in those of your own,
write {server} for the address, and {server.address6} for the IPv6 address. In a joined container (`badwire attach`) a
program that the lab does not have is the container's own, and runs inside it. The exit status is that of the
program."""


def run_on(argv: list[str]) -> int:
    """Run a program and return its exit status. Raises LabError."""
    parser = arguments.Parser("run-on", _ABOUT)
    add_name(parser.add_argument)
    parser.add_argument(
        "--inside",
        action="store_true",
        help="run the joined container's own program, inside it, even if the lab has one of that name",
    )
    parser.add_argument("host", metavar="HOST")
    parser.add_argument("program", nargs=argparse.REMAINDER, metavar="PROGRAM")
    args = parser.parse_args(argv)
    host = args.host
    command = arguments.without_separator(args.program)
    if not command:
        raise BadOption(f"Name a program to run on {host}, as in `badwire run-on {host} echo_serial 7000`.")
    program, *program_args = command
    if "/" in program and not args.inside:
        program = str(Path(program).absolute())
    connection = connect(args.name)
    connection.send(do="run", host=host, program=program, args=program_args, inside=args.inside)
    return follow(connection)


def follow(connection: ControlConnection) -> int:
    """Pass standard input and the output on until the program ends, and return its exit status.

    A signal to us interrupts the program.
    """
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # else a job in the background would stop when it reads its terminal
    wanted = threading.Semaphore(0)
    threading.Thread(target=_send_input, args=(connection, wanted), name="input", daemon=True).start()
    try:
        return _exit_status(connection, wanted)
    except Interrupted as interrupted:
        connection.send(interrupt=interrupted.number)
        return _exit_status(connection, wanted)


def _send_input(connection: ControlConnection, wanted: threading.Semaphore) -> None:
    """Send standard input, a piece each time the program has taken the piece before, until its end."""
    with suppress(OSError):  # the lab is gone
        while wanted.acquire():
            data = _read_input()
            if not data:
                connection.send(end_of_input=True)
                return
            connection.send(data=data)


def _read_input() -> bytes:
    try:
        return os.read(0, _CHUNK)
    except OSError:  # EIO: a job in the background may not read its terminal
        return b""


def _exit_status(connection: ControlConnection, wanted: threading.Semaphore) -> int:
    for message in connection.messages():
        if "exit" in message:
            return int(message["exit"])
        if "wants_input" in message:
            wanted.release()
        elif "warning" in message:
            print(f"badwire: {message['warning']}", file=sys.stderr)
        else:
            stream = sys.stdout if message["stream"] == "out" else sys.stderr
            stream.buffer.write(message["data"])
            stream.buffer.flush()
    raise lab_ended()
