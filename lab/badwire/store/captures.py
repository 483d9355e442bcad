"""The captures of a run: the evidence in `frames.pcapng`, and the files made from it for Wireshark and tcpdump.

- `frames.pcapng` has every observation, in the order of the capture: a frame as it entered the wire and, if it was
  delivered, as it left it. An analyser would take the second for a retransmission.
- `capture.pcapng` has each frame once, as it entered the wire, with one interface for each host.
- `capture-HOST.pcapng` has what HOST sent and received, as tcpdump on that host would have recorded it.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from badwire.packets import pcapng
from badwire.packets.pcapng import Captured
from badwire.util.jsonlines import WIRE

FRAMES = "frames.pcapng"
ENTERED = "capture.pcapng"


def of_host(host: str) -> str:
    """The name of the file with what a host sent and received."""
    return f"capture-{host}.pcapng"


def finish(folder: Path, comments: Mapping[bytes, str], frames: int, dropped: int | None) -> None:
    """Sort `frames.pcapng` by time, and make the other captures from it.

    Frames of the same time keep the order in which they were captured: on the virtual clock many have the same time.

    Args:
        folder: the run folder.
        comments: the comment for each frame that a fault dropped, by the bytes of the frame. It is added where the
            frame entered the wire.
        frames: how many frames the capture received.
        dropped: how many frames the capture lost; None if this is not known.

    Raises:
        OSError: a file cannot be read or written.
    """
    capture = pcapng.read(folder / FRAMES)
    observations = [_commented(frame, comments) for frame in pcapng.in_order(capture.frames)]
    ended = time.monotonic_ns()
    _write(folder / FRAMES, capture.ports, observations, ended, frames, dropped)
    entered = [frame for frame in observations if frame.direction == "in"]
    _write(folder / ENTERED, capture.ports, entered, ended, len(entered), dropped)
    for host in capture.ports:
        if host == WIRE:
            continue
        passed = [frame for frame in observations if frame.port == host]
        _write(folder / of_host(host), (host,), passed, ended, len(passed), dropped)


def _commented(frame: Captured, comments: Mapping[bytes, str]) -> Captured:
    if frame.direction == "in" and frame.data in comments:
        return replace(frame, comment=comments[frame.data])
    return frame


def _write(
    path: Path,
    ports: Iterable[str],
    frames: Iterable[Captured],
    ended: int,
    received: int,
    dropped: int | None,
) -> None:
    """Replace a capture; ``ended`` is when the capture ended (ns), and the counts are those of its statistics."""
    listed = tuple(ports)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        writer = pcapng.Writer(file)
        for port in listed:
            writer.port(port)
        for frame in frames:
            writer.captured(frame)
        if dropped is not None and listed:
            writer.statistics(ended, listed[0], received, dropped)
    part.replace(path)
