"""Live capture for `badwire capture --live`: frames as they pass, as the bytes of a pcapng file.

A reader that is too slow loses frames, and a statistics block counts them. The lab never waits for a reader.
"""

import io
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from badwire.packets import pcapng
from badwire.session.connection import ControlConnection
from badwire.session.interactive_lab import InteractiveLab
from badwire.session.recorder import CapturedFrame, RecordFields
from badwire.util.jsonlines import Message

MAX_QUEUED = 32 << 20  # bytes of frames queued for one reader


@dataclass(frozen=True)
class CaptureFilter:
    """Selects what ``host`` sends and receives, or what is delivered to ``toward``.

    With neither it selects each frame once, as it enters the wire: an analyser takes a repetition for a retransmission.
    """

    host: str | None = None
    toward: str | None = None

    def matches(self, port: str, direction: str) -> bool:
        """Whether a frame at this port in this direction is selected."""
        if self.host is not None:
            return port == self.host
        if self.toward is not None:
            return port == self.toward and direction == "out"
        return direction == "in"


class PcapngStream:
    """Writes frames as pcapng with wall-clock times, which readers of a live capture expect."""

    def __init__(self, ports: Iterable[str]) -> None:
        self._file = io.BytesIO()
        self._writer = pcapng.Writer(self._file)
        self._ports = list(ports)
        for port in self._ports:
            self._writer.port(port)
        self._clock_offset = time.time_ns() - time.monotonic_ns()

    def add_frames(self, frames: Iterable[CapturedFrame]) -> None:
        """Write frames."""
        for t, port, direction, length, data in frames:
            self._writer.frame(t + self._clock_offset, port, direction, data, length)

    def add_statistics(self, frames: int, lost: int) -> None:
        """Write a statistics block: how many frames have passed, and how many of them were lost. The last block
        counts."""
        self._writer.statistics(time.time_ns(), self._ports[0], frames, lost)

    def take(self) -> bytes:
        """Return the bytes written since the last call."""
        data = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return data


class FrameQueue:
    """The frames queued for one reader.

    Attributes:
        passed: how many frames the filter selected.
        lost: how many of them were dropped because the queue was full.
    """

    def __init__(self, capture_filter: CaptureFilter) -> None:
        self._filter = capture_filter
        self._changed = threading.Condition()
        self._queue: deque[CapturedFrame] = deque()
        self._size = 0
        self._ended = False
        self.passed = 0
        self.lost = 0

    def on_record(self, kind: str, fields: RecordFields) -> None:
        """A listener of the recorder."""
        if kind != "frames":
            return
        with self._changed:
            for frame in fields["frames"]:
                _, port, direction, _, _ = frame
                if self._filter.matches(port, direction):
                    self._add(frame)
            self._changed.notify()

    def end_with(self, connection: ControlConnection) -> None:
        """Wait until the command ends, and end the queue then."""
        connection.receive()
        with self._changed:
            self._ended = True
            self._changed.notify()

    def take(self) -> list[CapturedFrame]:
        """Wait for frames and return them; empty once the queue has ended."""
        with self._changed:
            while not self._queue and not self._ended:
                self._changed.wait()
            frames = list(self._queue)
            self._queue.clear()
            self._size = 0
            return frames

    def _add(self, frame: CapturedFrame) -> None:
        self.passed += 1
        if self._size > MAX_QUEUED:
            self.lost += 1
            return
        *_, data = frame
        self._size += len(data)
        self._queue.append(frame)


def serve_capture(interactive: InteractiveLab, connection: ControlConnection, request: Message) -> None:
    """Send the run's folder; with ``live``, then send the frames that pass once the command is ready.

    After the first message the connection carries raw pcapng instead of messages.
    """
    lab = interactive.lab
    selected = CaptureFilter(request["host"], request["toward"])
    for name in (selected.host, selected.toward):
        if name is not None:
            interactive.host(name)
    connection.send(ok={"folder": str(lab.folder)})
    if not request["live"] or connection.receive() is None:
        return
    frames = FrameQueue(selected)
    stream = PcapngStream(lab.hosts)
    with interactive.recorder.listening(frames.on_record):
        waiting = threading.Thread(target=frames.end_with, args=(connection,), name="end of a capture", daemon=True)
        waiting.start()
        connection.socket.sendall(stream.take())
        reported = 0
        while True:
            taken = frames.take()
            if not taken:
                return
            stream.add_frames(taken)
            if frames.lost > reported:
                reported = frames.lost
                stream.add_statistics(frames.passed, reported)
            connection.socket.sendall(stream.take())
