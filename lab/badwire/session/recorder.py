"""A recorder that others may listen to, and that goes on when nothing can be written any more.

A lab under somebody's hands outlives its record: faults can be lifted and programs ended with a full disk, too.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from badwire.errors import LabError
from badwire.packets.pcapng import Direction
from badwire.store.recorder import Recorder

MOST_CAPTURED = 100 << 20  # bytes of frames on disk; a report on more than that would take minutes

Frame = tuple[int, str, Direction, int, bytes]
Listener = Callable[[str, dict[str, Any]], None]


class Overheard(Recorder):
    """``trouble`` says what keeps the record from being whole, or is empty."""

    def __init__(self, folder: Path, snaplen: int) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._listening = threading.Lock()
        self._broken: LabError | None = None
        self._captured = self._left_out = 0
        self.trouble = ""
        super().__init__(folder, snaplen)

    @contextmanager
    def told(self, listener: Listener) -> Iterator[None]:
        """While the block runs the listener is told of all that comes, in the thread in which it comes."""
        with self._listening:
            self._listeners += (listener,)
        try:
            yield
        finally:
            with self._listening:
                self._listeners = tuple(each for each in self._listeners if each is not listener)

    def record(self, kind: str, **fields: Any) -> None:
        """What a terminal shows is its user's own, and on no record."""
        if kind != "terminal":
            super().record(kind, **fields)
        self._tell(kind, fields)

    def frames(self, frames: list[Frame]) -> None:
        self._captured += sum(len(frame[-1]) for frame in frames)
        if self._captured <= MOST_CAPTURED:
            super().frames(frames)
        else:
            self._left_out += len(frames)
            self.trouble = self.trouble or f"the capture ends at {MOST_CAPTURED >> 20} MB; later frames are not in it"
        self._tell("frames", {"frames": frames})

    def break_off(self, error: LabError) -> None:
        self._broken = self._broken or error
        self._tell("broken", {"error": error})

    def check(self) -> None:
        """Raises what broke the lab; a disk that is full did not."""
        if self._broken is not None:
            raise self._broken
        self.note_trouble()

    def note_trouble(self) -> None:
        """Let ``trouble`` say what has kept anything from being written."""
        if self._failure is not None:
            self.trouble = f"the record is not whole: {self._failure}"

    def close(self, comments: dict[bytes, str], frames: int, dropped: int | None) -> None:
        with suppress(OSError):  # the capture of a full disk may be no capture
            super().close(comments, frames, None if dropped is None else dropped + self._left_out)

    def _tell(self, kind: str, fields: dict[str, Any]) -> None:
        for listener in self._listeners:
            listener(kind, fields)
