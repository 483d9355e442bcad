"""`badwire capture`: frames as pcapng on standard output, for Wireshark, tshark and tcpdump."""

import os
import select
import sys
from pathlib import Path

from badwire.cli import arguments
from badwire.cli.connect import add_name, reach
from badwire.errors import BadOption
from badwire.packets import pcapng
from badwire.session.connection import Line
from badwire.session.server import Out, Wanted
from badwire.store.recorder import CAPTURE
from badwire.util.signals import Interrupted

_CHUNK = 1 << 16
_ABOUT = """Frames as pcapng on standard output: with --live those that pass from now on, until Ctrl-C, else those that
have passed until now. Each is seen twice, as it enters the wire and as it leaves it; --host and --toward choose."""


def capture(argv: list[str]) -> int:
    """`badwire capture`. Raises LabError, BrokenPipeError."""
    parser = arguments.Parser("capture", _ABOUT)
    add_name(parser.add_argument)
    parser.add_argument("--live", action="store_true", help="as they pass")
    parser.add_argument("--toward", action="append", default=[], metavar="HOST", help="what is delivered to it")
    parser.add_argument("--host", action="append", default=[], metavar="HOST", help="what it sends and is sent")
    wants = parser.parse_args(argv)
    if os.isatty(1):
        raise BadOption("This is no text for a terminal: pipe it, as in `badwire capture --live | tcpdump -n -r -`.")
    line = reach(wants.name)
    line.say(do="capture", live=wants.live, toward=wants.toward, hosts=wants.host)
    found = line.expect()["ok"]
    if not wants.live:
        _until_now(Path(found["folder"]), found["hosts"], Wanted(wants.toward, wants.host))
        return 0
    try:
        line.say(ready=True)
        return _pass_on(line)
    except Interrupted as interrupted:
        return interrupted.exit_status


def _until_now(folder: Path, hosts: list[str], wanted: Wanted) -> None:
    seen, out = pcapng.read(folder / CAPTURE), Out(hosts)
    out.frames((f.t, f.port, f.direction, f.length, f.data) for f in seen.frames if wanted(f.port, f.direction))
    sys.stdout.buffer.write(out.take())


def _pass_on(line: Line) -> int:
    """Until the lab ends, or nobody reads any more."""
    poll = select.poll()
    poll.register(line.fileno(), select.POLLIN)
    poll.register(1, 0)  # whoever reads may go between two frames: POLLERR is always told
    while True:
        ready = dict(poll.poll())
        if 1 in ready:
            raise BrokenPipeError
        if not (data := line.socket.recv(_CHUNK)):
            return 0
        while data:
            data = data[os.write(1, data) :]
