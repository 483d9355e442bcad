"""`badwire down`: ends a lab, and says where its report is."""

import os
import select
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from badwire.cli import arguments
from badwire.cli.connect import add_name, reach
from badwire.errors import AgentLost, BadOption
from badwire.session import registry
from badwire.session.connection import Line

_REPORT = "report.html"


def down(argv: list[str]) -> int:
    """Returns when nothing of the lab is left. There being none is no error: then nothing was left before."""
    parser = arguments.Parser("down", "End a lab that `badwire up` brought up.")
    add_name(parser.add_argument)
    wants = parser.parse_args(argv)
    try:
        line = reach(wants.name)
    except BadOption as none:
        if wants.name in registry.alive():
            raise
        print(f"badwire: {none}", file=sys.stderr)
        return 0
    print(end(line))
    return 0


def end(line: Line) -> str:
    """End the lab at the other end; its report, or the folder of its record. Raises AgentLost if it was killed."""
    with _process(line) as ended:
        line.say(do="down")
        if (message := line.hear()) is None:
            raise AgentLost("The lab's process was killed before its report was written; its record is kept.")
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.poll()
    words = message["ok"]
    for trouble in [*([words["error"]] if words["error"] else []), *words["told"]]:
        print(f"badwire: {trouble}", file=sys.stderr)
    folder = Path(words["folder"])
    left = folder / _REPORT if (folder / _REPORT).exists() else folder
    return os.path.relpath(left) if left.is_relative_to(Path.cwd()) else str(left)


@contextmanager
def _process(line: Line) -> Iterator[int]:
    """A descriptor that can be read when the process at the other end has ended."""
    pid, _, _ = struct.unpack("3i", line.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    ended = os.pidfd_open(pid)
    try:
        yield ended
    finally:
        os.close(ended)
