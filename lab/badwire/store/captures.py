"""The captures of a run: the evidence in `frames.pcapng`, and the files made from it for Wireshark and tcpdump.

- `frames.pcapng` has every observation, in the order of the capture: a frame as it entered the wire and, if it was
  delivered, as it left it. An analyser would take the second for a retransmission.
- `capture.pcapng` has each frame once, as it entered the wire, with one interface for each host.
- `capture-HOST.pcapng` has what HOST sent and received, as tcpdump on that host would have recorded it.
"""

import time
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from badwire.packets import pcapng
from badwire.util.jsonlines import WIRE

FRAMES = "frames.pcapng"
ENTERED = "capture.pcapng"
_BUFFER = 1 << 20  # bytes


def of_host(host: str) -> str:
    """The name of the file with what a host sent and received."""
    return f"capture-{host}.pcapng"


def finish(folder: Path, comments: Mapping[bytes, str], frames: int, dropped: int | None) -> None:
    """Sort `frames.pcapng` by time, and make the other captures from it.

    Frames of the same time keep the order in which they were captured: on the virtual clock many have the same time.
    A capture may be larger than memory: only an index of it is kept, and one block at a time.

    Args:
        folder: the run folder.
        comments: the comment for each frame that a fault dropped, by the bytes of the frame. It is added where the
            frame entered the wire.
        frames: how many frames the capture received.
        dropped: how many frames the capture lost; None if this is not known.

    Raises:
        OSError: a file cannot be read or written.
    """
    ended = time.monotonic_ns()
    with (folder / FRAMES).open("rb", buffering=_BUFFER) as file:
        index = pcapng.index_of(file)
        in_order = sorted(range(len(index.times)), key=index.times.__getitem__)
        source = _Source(file, index, comments)
        _write(folder / FRAMES, index.ports, source, in_order, ended, frames, dropped)
        entered = [position for position in in_order if index.entered[position]]
        _write(folder / ENTERED, index.ports, source, entered, ended, len(entered), dropped)
        of_port: list[array[int]] = [array("q") for _ in index.ports]
        for position in in_order:
            of_port[index.numbers[position]].append(position)
        for host, passed in zip(index.ports, of_port, strict=True):
            if host != WIRE:
                _write(folder / of_host(host), (host,), source, passed, ended, len(passed), dropped)


class _Source:
    """The capture that the others are made from."""

    def __init__(self, file: BinaryIO, index: pcapng.Index, comments: Mapping[bytes, str]) -> None:
        self._file = file
        self._index = index
        self._comments = comments

    def copy(self, position: int, to: pcapng.Writer) -> None:
        """Append the frame at a position of the index to another capture, with its comment, if it has one."""
        index = self._index
        self._file.seek(index.offsets[position])
        block = self._file.read(index.sizes[position])
        port = index.ports[index.numbers[position]]
        if self._comments and index.entered[position]:
            frame = pcapng.packet(block[8:-4], "<", [*index.ports])
            comment = self._comments.get(frame.data)
            if comment is not None:
                to.captured(replace(frame, comment=comment))
                return
        to.block(block, to.port(port))


def _write(
    path: Path,
    ports: Iterable[str],
    source: _Source,
    positions: Iterable[int],
    ended: int,
    received: int,
    dropped: int | None,
) -> None:
    """Replace a capture; ``ended`` is when the capture ended (ns), and the counts are those of its statistics."""
    listed = tuple(ports)
    part = path.with_suffix(".part")
    with part.open("wb", buffering=_BUFFER) as file:
        writer = pcapng.Writer(file)
        for port in listed:
            writer.port(port)
        for position in positions:
            source.copy(position, writer)
        if dropped is not None and listed:
            writer.statistics(ended, listed[0], received, dropped)
    part.replace(path)
