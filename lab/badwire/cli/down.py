"""`badwire down`: ends a lab, and prints where its report is."""

import os
import select
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.cli.paths import relative
from badwire.errors import AgentLost, BadOption
from badwire.session import registry
from badwire.session.connection import ControlConnection

_REPORT = "report.html"
_UCRED = struct.Struct("3i")  # struct ucred (unix(7)): pid, uid, gid


def down(argv: list[str]) -> int:
    """End a lab, and return once its daemon has ended. It is not an error if no lab is up."""
    parser = arguments.Parser("down", "End a lab that `badwire up` or `badwire attach` started.")
    add_name(parser.add_argument)
    args = parser.parse_args(argv)
    try:
        connection = connect(args.name)
    except BadOption as error:
        if args.name in registry.running_labs():
            raise
        print(f"badwire: {error}", file=sys.stderr)
        return 0
    print(end(connection))
    return 0


def end(connection: ControlConnection) -> str:
    """End the lab and return the path of its report, or of its folder if there is no report.

    Raises:
        AgentLost: the daemon was killed before it had written the report.
    """
    with _pidfd(connection) as daemon:
        connection.send(do="down")
        message = connection.receive()
        if message is None:
            raise AgentLost(
                "The lab's process was killed before its report was written; `badwire report` makes it from the record."
            )
        poll = select.poll()
        poll.register(daemon, select.POLLIN)
        poll.poll()
    result = message["ok"]
    if result["error"]:
        print(f"badwire: {result['error']}", file=sys.stderr)
    for warning in result["warnings"]:
        print(f"badwire: {warning}", file=sys.stderr)
    folder = Path(result["folder"])
    report = folder / _REPORT
    if not report.exists():
        return relative(folder)
    return relative(report)


@contextmanager
def _pidfd(connection: ControlConnection) -> Iterator[int]:
    """A descriptor that is readable once the process at the other end has ended (pidfd_open(2))."""
    credentials = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, _uid, _gid = _UCRED.unpack(credentials)
    pidfd = os.pidfd_open(pid)
    try:
        yield pidfd
    finally:
        os.close(pidfd)
