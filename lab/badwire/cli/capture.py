"""`badwire capture`: writes frames as pcapng to standard output, for Wireshark, tshark and tcpdump."""

import os
import select
import sys
from pathlib import Path

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.cli.streams import write_all
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
    parser.add_argument(
        "--toward",
        action="append",
        default=[],
        metavar="HOST",
        help="frames delivered to this host",
    )
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="HOST",
        help="frames that this host sends or receives",
    )
    args = parser.parse_args(argv)
    if os.isatty(1):
        raise BadOption(
            "A capture is not text for a terminal: pipe it, as in `badwire capture --live | tcpdump -n -r -`."
        )
    connection = connect(args.name)
    connection.send(do="capture", live=args.live, toward=args.toward, hosts=args.host)
    reply = connection.receive_reply()["ok"]
    if not args.live:
        folder = Path(reply["folder"])
        capture_filter = CaptureFilter(args.toward, args.host)
        _write_saved_frames(folder, reply["hosts"], capture_filter)
        return 0
    try:
        connection.send(ready=True)
        return _write_live_frames(connection)
    except Interrupted as interrupted:
        return interrupted.exit_status


def _write_saved_frames(folder: Path, hosts: list[str], capture_filter: CaptureFilter) -> None:
    stream = PcapngStream(hosts)
    saved = pcapng.read(folder / CAPTURE)
    for frame in saved.frames:
        if capture_filter.matches(frame.port, frame.direction):
            captured = (frame.t, frame.port, frame.direction, frame.length, frame.data)
            stream.add_frames([captured])
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
        data = connection.socket.recv(_CHUNK)
        if not data:
            return 0
        write_all(1, data)
