"""The recorder of an interactive lab: it has listeners, and the lab continues when the disk is full.

With a full disk, faults can still be lifted and programs ended.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from badwire.errors import LabError
from badwire.packets import pcapng
from badwire.packets.pcapng import Direction
from badwire.store.recorder import Recorder

MAX_CAPTURED = 100 << 20  # bytes of frames on disk; a report on more would take minutes

# Time in ns, port, direction, length on the wire in bytes, the bytes that were kept.
CapturedFrame = tuple[int, str, Direction, int, bytes]

RecordFields = Mapping[str, Any]

# Gets the kind of a record and its fields.
Listener = Callable[[str, RecordFields], None]


class SessionRecorder(Recorder):
    """A recorder that passes every record on to listeners.

    Attributes:
        trouble: a sentence on why the record is incomplete; empty if it is complete.
    """

    def __init__(self, folder: Path, snaplen: int) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._listeners_lock = threading.Lock()
        self._lab_failure: LabError | None = None
        self._captured = 0
        self._left_out = 0
        self.trouble = ""
        super().__init__(folder, snaplen)

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Call ``listener`` for every record during a ``with`` block, in the thread that makes the record."""
        with self._listeners_lock:
            self._listeners += (listener,)
        try:
            yield
        finally:
            with self._listeners_lock:
                others = [other for other in self._listeners if other is not listener]
                self._listeners = tuple(others)

    def record(self, kind: str, **fields: Any) -> None:
        """Record and pass on.

        Two kinds are only passed on: what a terminal shows, which is private to its user, and output beyond what the
        lab records of a program.
        """
        if kind not in ("terminal", "surplus"):
            super().record(kind, **fields)
        self._notify(kind, fields)

    def frames(self, frames: list[CapturedFrame]) -> None:
        """Record frames until the capture has 100 MB, and pass them on in any case."""
        size = sum(len(data) for _, _, _, _, data in frames)
        if self._has_room(size):
            super().frames(frames)
        else:
            self._left_out += len(frames)
        self._notify("frames", {"frames": frames})

    def blocks(self, blocks: bytes) -> None:
        """As ``frames``, for frames that are blocks already."""
        if self._has_room(len(blocks)):
            super().blocks(blocks)
        else:
            self._left_out += sum(1 for _ in pcapng.blocks(blocks))
        if self._listeners:
            self._notify("frames", {"frames": [*self._decoded(blocks)]})

    def _has_room(self, size: int) -> bool:
        """Whether the capture may grow by this many bytes."""
        self._captured += size
        if self._captured <= MAX_CAPTURED:
            return True
        if not self.trouble:
            megabytes = MAX_CAPTURED >> 20
            self.trouble = f"the capture ends at {megabytes} MB; later frames are not in it"
        return False

    def _decoded(self, blocks: bytes) -> Iterator[CapturedFrame]:
        for block in pcapng.blocks(blocks):
            frame = pcapng.packet(block.body, block.order, self.ports)
            yield frame.t, frame.port, frame.direction, frame.length, frame.data

    def fail(self, error: LabError) -> None:
        """Make ``check`` raise the first error from now on, since the lab has failed."""
        if self._lab_failure is None:
            self._lab_failure = error
        self._notify("broken", {"error": error})

    def check(self) -> None:
        """Raise the error that ended the lab. A full disk does not end it."""
        if self._lab_failure is not None:
            raise self._lab_failure
        self.update_trouble()

    def update_trouble(self) -> None:
        """Set ``trouble`` if something could not be written."""
        if self._failure is not None:
            self.trouble = f"the record is incomplete: {self._failure}"

    def close(self, comments: dict[bytes, str], frames: int, dropped: int | None) -> None:
        """Close the files, and count the frames that were left out as dropped."""
        if dropped is not None:
            dropped += self._left_out
        with suppress(OSError):  # on a full disk the capture may be cut short and unreadable
            super().close(comments, frames, dropped)

    def _notify(self, kind: str, fields: RecordFields) -> None:
        for listener in self._listeners:
            listener(kind, fields)
