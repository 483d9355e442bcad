"""`badwire capture`: writes frames as pcapng to standard output, for Wireshark, tshark and tcpdump."""

import os
import select
import sys
from pathlib import Path

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.cli.streams import write_all
from badwire.errors import BadOption, BadRun
from badwire.packets import pcapng
from badwire.session.connection import ControlConnection
from badwire.session.live_capture import CaptureFilter
from badwire.store import run_folder
from badwire.store.reader import read_capture
from badwire.util.signals import Interrupted

_CHUNK = 1 << 16
_ABOUT = """Write frames as pcapng to standard output: those of a saved run, those that have passed so far in a lab that
is up, or with --live those that pass from now on, until Ctrl-C. Each frame appears once, as it enters the wire; --host
HOST selects what HOST sends and receives, --toward HOST what is delivered to HOST."""


def capture(argv: list[str]) -> int:
    """Write the capture. Raises LabError, or BrokenPipeError if the reader has closed the pipe."""
    parser = arguments.Parser("capture", _ABOUT)
    add_name(parser.add_argument)
    parser.add_argument("run", nargs="?", metavar="RUN", help="a run's folder (default: the lab that is up)")
    parser.add_argument("--live", action="store_true", help="frames as they pass, until Ctrl-C")
    selection = parser.add_mutually_exclusive_group()
    selection.add_argument("--host", metavar="HOST", help="frames that this host sends or receives")
    selection.add_argument("--toward", metavar="HOST", help="frames delivered to this host")
    args = parser.parse_intermixed_args(argv)
    if os.isatty(1):
        raise BadOption(
            "A capture is not text for a terminal: pipe it, as in `badwire capture --live | tcpdump -n -r -`."
        )
    selected = CaptureFilter(args.host, args.toward)
    if args.run is not None:
        if args.live:
            raise BadOption(f"The run in {args.run} is over: leave --live out, or leave the folder out.")
        _write_saved_frames(run_folder.find(args.run), selected)
        return 0
    connection = connect(args.name)
    connection.send(do="capture", live=args.live, toward=args.toward, host=args.host)
    reply = connection.receive_reply()["ok"]
    if not args.live:
        _write_saved_frames(Path(reply["folder"]), selected)
        return 0
    try:
        connection.send(ready=True)
        return _write_live_frames(connection)
    except Interrupted as interrupted:
        return interrupted.exit_status


def _write_saved_frames(folder: Path, selected: CaptureFilter) -> None:
    """Write the selected frames of a run. Raises BadRun if it has no capture, or no host of that name."""
    saved = read_capture(folder)
    host = selected.host or selected.toward
    if host is not None and host not in saved.ports:
        hosts = ", ".join(saved.ports) or "none"
        raise BadRun(f"{folder} has no host {host} in its capture; it has: {hosts}.")
    writer = pcapng.Writer(sys.stdout.buffer)
    for port in saved.ports:
        writer.port(port)
    for frame in saved.frames:
        if selected.matches(frame.port, frame.direction):
            writer.captured(frame)
    sys.stdout.buffer.flush()


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
