"""`badwire capture`: writes frames as pcapng to standard output, for Wireshark, tshark and tcpdump."""

import os
import select
import sys
from pathlib import Path

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.errors import BadOption
from badwire.packets import pcapng
from badwire.session.connection import ControlConnection
from badwire.session.live_capture import CaptureFilter, PcapngStream
from badwire.store.recorder import CAPTURE
from badwire.util.signals import Interrupted

_CHUNK = 1 << 16
_ABOUT = """Write frames as pcapng to standard output: the frames so far, or with --live those that pass from now on,
until Ctrl-C. Each frame appears twice, as it enters the wire and as it leaves it; --host and --toward select."""


def capture(argv: list[str]) -> int:
    """Write the capture. Raises LabError, or BrokenPipeError if the reader has closed the pipe."""
    parser = arguments.Parser("capture", _ABOUT)
    add_name(parser.add_argument)
    parser.add_argument("--live", action="store_true", help="frames as they pass, until Ctrl-C")
    parser.add_argument("--toward", action="append", default=[], metavar="HOST", help="frames delivered to this host")
    parser.add_argument(
        "--host", action="append", default=[], metavar="HOST", help="frames that this host sends or receives"
    )
    wants = parser.parse_args(argv)
    if os.isatty(1):
        raise BadOption(
            "A capture is not text for a terminal: pipe it, as in `badwire capture --live | tcpdump -n -r -`."
        )
    connection = connect(wants.name)
    connection.send(do="capture", live=wants.live, toward=wants.toward, hosts=wants.host)
    reply = connection.receive_reply()["ok"]
    if not wants.live:
        _write_saved_frames(Path(reply["folder"]), reply["hosts"], CaptureFilter(wants.toward, wants.host))
        return 0
    try:
        connection.send(ready=True)
        return _write_live_frames(connection)
    except Interrupted as interrupted:
        return interrupted.exit_status


def _write_saved_frames(folder: Path, hosts: list[str], selected: CaptureFilter) -> None:
    stream = PcapngStream(hosts)
    for frame in pcapng.read(folder / CAPTURE).frames:
        if selected.matches(frame.port, frame.direction):
            stream.add_frames([(frame.t, frame.port, frame.direction, frame.length, frame.data)])
    sys.stdout.buffer.write(stream.take())


def _write_live_frames(connection: ControlConnection) -> int:
    """Write frames until the lab ends. Raises BrokenPipeError if the reader has closed the pipe."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    poll.register(1, 0)  # poll always reports POLLERR, so a closed pipe is noticed even while no frame passes
    while True:
        ready = dict(poll.poll())
        if 1 in ready:
            raise BrokenPipeError
        if not (data := connection.socket.recv(_CHUNK)):
            return 0
        while data:
            data = data[os.write(1, data) :]
