"""Writes the evidence of a run to disk while it runs, so that a run that is killed keeps what it has recorded."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from badwire.errors import DiskFull, LabError
from badwire.packets import pcapng
from badwire.store import captures
from badwire.util.jsonlines import encode

EVIDENCE = "evidence.jsonl"
PROGRAMS = "programs"
CapturedFrame = tuple[int, str, pcapng.Direction, int, bytes]
"""The time in ns, the host, the direction, the length on the wire in bytes, and the bytes that were captured."""


class Recorder:
    """Writes the files of a run folder. Its methods may be called from several threads.

    A method that cannot write does not raise: the first failure is kept, and ``check`` raises it.

    Args:
        folder: the run folder; it is created if it does not exist.
        snaplen: the number of bytes of each frame that the capture keeps.

    Raises:
        DiskFull: the files cannot be created.
    """

    def __init__(self, folder: Path, snaplen: int) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._failure: LabError | None = None
        self._outputs: dict[str, TextIO] = {}
        self._counts: Counter[str] = Counter()  # of the records of each kind
        with self._disk():
            (folder / PROGRAMS).mkdir(parents=True, exist_ok=True)
            self._evidence = (folder / EVIDENCE).open("wb", buffering=0)
            self._capture = (folder / captures.FRAMES).open("wb")
            self._frames = pcapng.Writer(self._capture, snaplen)
        self._raise()

    def hosts(self, names: Iterable[str]) -> None:
        """Name the hosts in the capture, so that it is complete even if no frame passes."""
        for name in names:
            self.port(name)

    def port(self, name: str) -> int:
        """The number of a host's interface in the capture; the first call for a name makes it."""
        with self._disk():
            self._frames.port(name)
            self._capture.flush()
        return self._frames.port(name)

    @property
    def ports(self) -> list[str]:
        """The names of the interfaces in the capture, by their numbers."""
        return self._frames.ports

    def record(self, kind: str, **fields: Any) -> None:
        """Append one record to evidence.jsonl. ``t`` defaults to the current monotonic time in ns."""
        fields.setdefault("t", time.monotonic_ns())
        line = encode({"kind": kind, **fields})
        with self._disk():
            self._counts[kind] += 1  # also if the write fails: then the record is missing
            self._evidence.write(line)

    def end(self, error: str | None) -> None:
        """Append the last record, which has the number of records of each kind before it.

        Args:
            error: why the run ended early; None if it did not.
        """
        with self._lock:
            counts = dict(sorted(self._counts.items()))
        self.record("end", error=error, records=counts)

    def frames(self, frames: list[CapturedFrame]) -> None:
        """Append frames to the capture."""
        with self._disk():
            for t, host, direction, length, data in frames:
                self._frames.frame(t, host, direction, data, length)
            self._capture.flush()

    def blocks(self, blocks: bytes) -> None:
        """Append frames to the capture that are blocks already (`pcapng.packets`), with the numbers of ``port``."""
        with self._disk():
            self._capture.write(blocks)
            self._capture.flush()

    def output(self, file: str, text: str) -> None:
        """Append the output of a program to ``programs/FILE``."""
        with self._disk():
            if file not in self._outputs:
                path = self.folder / PROGRAMS / file
                self._outputs[file] = path.open("w", encoding="utf-8")
            output = self._outputs[file]
            output.write(text)
            output.flush()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Write nothing during a ``with`` block, so that the files can be read; other threads wait."""
        with self._lock:
            yield

    def fail(self, error: LabError) -> None:
        """Make ``check`` raise ``error``, unless an earlier failure is kept already."""
        self._keep(error)

    def check(self) -> None:
        """Raise the first failure, if there was one: DiskFull, or the error that was passed to ``fail``."""
        self._raise()

    def close(
        self,
        comments: dict[bytes, str],
        frames: int,
        dropped: int | None,
    ) -> None:
        """Finish the captures (see `badwire.store.captures`), and close the files.

        Args:
            comments: the comment for each frame that a fault dropped, by the bytes of the frame. It is added where
                the frame entered the wire.
            frames: how many frames the capture received.
            dropped: how many frames the capture lost; None if this is not known.
        """
        with self._disk():
            self._capture.close()
            captures.finish(self.folder, comments, frames, dropped)
        with self._disk():
            self._evidence.close()
        for output in self._outputs.values():
            with self._disk():
                output.close()

    @contextmanager
    def _disk(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except OSError as error:
                self._keep(
                    DiskFull(
                        f"{self.folder} cannot be written ({error.strerror}); make room, or choose another with --out"
                    )
                )

    def _keep(self, error: LabError) -> None:
        if self._failure is None:
            self._failure = error

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure
