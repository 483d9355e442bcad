"""What is seen during a run, written down at once: a killed run leaves everything up to its last moment."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

from badwire.errors import DiskFull, LabError
from badwire.packets import pcapng
from badwire.util.jsonlines import encode

EVIDENCE = "evidence.jsonl"
CAPTURE = "capture.pcapng"
PROGRAMS = "programs"


class Recorder:
    """Writes a run's folder; several threads may record."""

    def __init__(self, folder: Path, snaplen: int) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._failure: LabError | None = None
        self._outputs: dict[str, TextIO] = {}
        with self._disk():
            (folder / PROGRAMS).mkdir(parents=True, exist_ok=True)
            self._evidence = (folder / EVIDENCE).open("wb", buffering=0)
            self._capture = (folder / CAPTURE).open("wb")
            self._frames = pcapng.Writer(self._capture, snaplen)
        self._raise()

    def record(self, kind: str, **fields: Any) -> None:
        """One record of the evidence; ``t`` is now where it is not given."""
        fields.setdefault("t", time.monotonic_ns())
        with self._disk():
            self._evidence.write(encode({"kind": kind, **fields}))

    def frames(self, frames: list[tuple[int, str, pcapng.Direction, int, bytes]]) -> None:
        """Frames as the wire saw them: time, host, direction, length on the wire, bytes."""
        with self._disk():
            for t, host, direction, length, data in frames:
                self._frames.frame(t, host, direction, data, length)
            self._capture.flush()

    def output(self, file: str, text: str) -> None:
        """What a program wrote, in a file of its own."""
        with self._disk():
            if file not in self._outputs:
                path = self.folder / PROGRAMS / file
                self._outputs[file] = path.open("w", encoding="utf-8")
            output = self._outputs[file]
            output.write(text)
            output.flush()

    def fail(self, error: LabError) -> None:
        """The run is broken: ``check`` raises ``error`` from now on, or an earlier failure."""
        self._failure = self._failure or error

    def check(self) -> None:
        """Raises DiskFull when anything could not be written, and whatever else broke the run off."""
        self._raise()

    def close(self, comments: dict[bytes, str], frames: int, dropped: int | None) -> None:
        """Put the capture in the order of time, with a comment on each frame that a fault took, and close the files."""
        with self._disk():
            self._capture.close()
            _in_order(self.folder / CAPTURE, comments, frames, dropped)
        files: list[IO[Any]] = [self._evidence, *self._outputs.values()]
        for file in files:
            with self._disk():
                file.close()

    @contextmanager
    def _disk(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except OSError as error:
                self._failure = self._failure or DiskFull(
                    f"{self.folder} cannot be written ({error.strerror}); free some room, or choose another with --out"
                )

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure


def _in_order(path: Path, comments: dict[bytes, str], frames: int, dropped: int | None) -> None:
    capture = pcapng.read(path)
    new = path.with_suffix(".part")
    with new.open("wb") as file:
        writer = pcapng.Writer(file)
        for port in capture.ports:
            writer.port(port)
        in_order = sorted(capture.frames, key=lambda frame: frame.t)
        for frame in in_order:
            comment = None
            if frame.direction == "in":
                comment = comments.get(frame.data)
            writer.frame(
                frame.t,
                frame.port,
                frame.direction,
                frame.data,
                frame.length,
                comment,
            )
        if dropped is not None and capture.ports:
            now = time.monotonic_ns()
            port = capture.ports[0]
            writer.statistics(now, port, frames, dropped)
    new.replace(path)
