"""`badwire run-on HOST PROGRAM...`: runs a program on a host, with its output and its exit status."""

import argparse
import sys
from pathlib import Path

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.errors import BadOption
from badwire.session.connection import ControlConnection, lab_ended
from badwire.util.jsonlines import Message
from badwire.util.signals import Interrupted

_ABOUT = """Run a program on a host until it ends; Ctrl-C goes to the program. PROGRAM is the name of a reference
program, such as echo_serial, or a path to your own. Among the arguments of a reference program, the name of a host is
replaced by its address; among those of your own, write {server}. The exit status is that of the program."""


def run_on(argv: list[str]) -> int:
    """Run a program and return its exit status. Raises LabError."""
    parser = arguments.Parser("run-on", _ABOUT)
    add_name(parser.add_argument)
    parser.add_argument("host", metavar="HOST")
    parser.add_argument("program", nargs=argparse.REMAINDER, metavar="PROGRAM")
    wants = parser.parse_args(argv)
    words = wants.program[1:] if wants.program[:1] == ["--"] else wants.program
    if not words:
        raise BadOption(f"Name a program to run on {wants.host}, as in `badwire run-on {wants.host} echo_serial 7000`.")
    program, *args = words
    connection = connect(wants.name)
    own = "/" in program
    path = str(Path(program).absolute()) if own else program
    connection.send(do="run", host=wants.host, program=path, args=args)
    return follow(connection)


def follow(connection: ControlConnection) -> int:
    """Print the program's output until it ends, and return its exit status. A signal to us interrupts the program."""
    try:
        return _exit_status(connection)
    except Interrupted as interrupted:
        connection.send(interrupt=interrupted.number)
        return _exit_status(connection)


def _exit_status(connection: ControlConnection) -> int:
    for message in connection.messages():
        if "exit" in message:
            return int(message["exit"])
        _print_output(message)
    raise lab_ended()


def _print_output(message: Message) -> None:
    if "warning" in message:
        print(f"badwire: {message['warning']}", file=sys.stderr)
        return
    stream = sys.stdout if message["stream"] == "out" else sys.stderr
    stream.write(message["text"])
    stream.flush()
