"""`badwire run-on HOST PROGRAM...`: a program on a host; what it writes as it comes, and its status."""

import argparse
import sys
from pathlib import Path

from badwire.cli import arguments
from badwire.cli.connect import add_name, reach
from badwire.errors import BadOption
from badwire.session.connection import Line, gone
from badwire.util.jsonlines import Message
from badwire.util.signals import Interrupted

_ABOUT = """Run a program on a host until it ends; Ctrl-C is for the program. PROGRAM is a reference program's name, as
echo_serial, or a path to your own. A host's name among the arguments of a reference program is its address; write
{server} for it among those of your own. The status is the program's."""


def run_on(argv: list[str]) -> int:
    """`badwire run-on`: the program's own exit status. Raises LabError."""
    parser = arguments.Parser("run-on", _ABOUT)
    add_name(parser.add_argument)
    parser.add_argument("host", metavar="HOST")
    parser.add_argument("program", nargs=argparse.REMAINDER, metavar="PROGRAM")
    wants = parser.parse_args(argv)
    words = wants.program[1:] if wants.program[:1] == ["--"] else wants.program
    if not words:
        raise BadOption(f"Name a program to run on {wants.host}, as in `badwire run-on {wants.host} echo_serial 7000`.")
    program, *args = words
    line = reach(wants.name)
    own = "/" in program
    line.say(do="run", host=wants.host, program=str(Path(program).absolute()) if own else program, args=args)
    return follow(line)


def follow(line: Line) -> int:
    """Pass on what it writes until it ends; after a signal it is interrupted, and that is waited for."""
    try:
        return _status(line)
    except Interrupted as interrupted:
        line.say(interrupt=interrupted.number)
        return _status(line)


def _status(line: Line) -> int:
    for message in line.all():
        if "exit" in message:
            return int(message["exit"])
        _pass_on(message)
    raise gone()


def _pass_on(message: Message) -> None:
    if "told" in message:
        print(f"badwire: {message['told']}", file=sys.stderr)
        return
    stream = sys.stdout if message["stream"] == "out" else sys.stderr
    stream.write(message["text"])
    stream.flush()
