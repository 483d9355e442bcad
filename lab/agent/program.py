"""One program on a host: what it wrote, whether it is ready, how it ended."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from typing import IO, Any

from lab.agent.loop import Loop, Timer
from lab.agent.messages import Message
from lab.errors import LabError, ProgramFailed

OUTPUT_LIMIT = 1 << 20  # bytes kept of each stream of a program; more is read and thrown away
READY = re.compile(rb"^ready\b", re.MULTILINE)

_CHUNK = 1 << 16
_CUT = f"\n[the lab keeps {OUTPUT_LIMIT} bytes of each stream; the rest is thrown away]\n"


class Program:
    """A started program. ``on_ready`` is told once: None when it is ready, or why it never will be."""

    def __init__(
        self, number: int, name: str, process: subprocess.Popen[bytes], emit: Callable[[Message], None]
    ) -> None:
        self.number, self.name, self.process = number, name, process
        self._emit = emit
        self._kept = {"out": 0, "err": 0}
        self._last_line = b""
        self._ended = False
        self.on_ready: Callable[[LabError | None], None] | None = None
        self.says_ready = False
        self.deadline: Timer | None = None

    def read(self, loop: Loop) -> None:
        """Take what it writes from now on."""
        for stream, pipe in self._pipes():
            os.set_blocking(pipe.fileno(), False)
            loop.reader(pipe.fileno(), self._reader(loop, stream, pipe))

    def became_ready(self, failure: LabError | None) -> None:
        """It is ready, or ``failure`` says why it will not be; the first word counts."""
        if self.deadline is not None:
            self.deadline.cancel()
        if self.on_ready is not None:
            tell, self.on_ready = self.on_ready, None
            if failure is None:
                self.tell("program", what="ready")
            tell(failure)

    def never_ready(self, wanted: str, seconds: float) -> None:
        """Its time is over: it is killed."""
        self.send_to_all(signal.SIGKILL)
        late = f"{self.name} never {wanted} within {seconds:g} s{self._last_words()}; it was killed"
        self.became_ready(ProgramFailed(late))

    def send(self, which: signal.Signals) -> None:
        """A program that has ended gets none."""
        if not self._ended:
            self.process.send_signal(which)

    def send_to_all(self, which: signal.Signals) -> None:
        """To the program and those of its children that stayed in its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, which)

    def end(self, code: int) -> None:
        """It was reaped with this exit code (a signal's number, negative)."""
        self._ended, self.process.returncode = True, code
        for stream, pipe in self._pipes():  # what it wrote before it ended is told before its end is
            while not pipe.closed and (data := _read(pipe)):
                self._output(stream, data)
        by = signal.Signals(-code).name if code < 0 else None
        how = f"signal {by}" if by else f"status {code}"
        early = f"{self.name} ended at once with {how}, before it was ready{self._last_words()}"
        self.became_ready(ProgramFailed(early))
        self.tell("program", what="exit", status=None if by else code, signal=by)

    def tell(self, event: str, **more: Any) -> None:
        self._emit({"event": event, "program": self.number, "t": time.monotonic_ns(), **more})

    def _pipes(self) -> list[tuple[str, IO[bytes]]]:
        assert self.process.stdout is not None and self.process.stderr is not None
        return [("out", self.process.stdout), ("err", self.process.stderr)]

    def _reader(self, loop: Loop, stream: str, pipe: IO[bytes]) -> Callable[[], None]:
        def read() -> None:
            data = _read(pipe)
            if data:
                self._output(stream, data)
            elif data is not None:
                loop.forget(pipe.fileno())
                pipe.close()

        return read

    def _output(self, stream: str, data: bytes) -> None:
        room = OUTPUT_LIMIT - self._kept[stream]
        self._kept[stream] += len(data)
        if room > 0:
            self.tell("output", stream=stream, text=data[:room].decode("utf-8", "backslashreplace"))
        if 0 <= room < len(data):
            self.tell("output", stream=stream, text=_CUT)
        lines = data.strip().splitlines()
        if lines and (stream == "err" or not self._last_line):
            self._last_line = lines[-1][-200:]
        if stream == "out" and self.says_ready and READY.search(data):
            self.became_ready(None)

    def _last_words(self) -> str:
        text = self._last_line.decode("utf-8", "backslashreplace")
        return f"; its last words: {text}" if text else ""


def _read(pipe: IO[bytes]) -> bytes | None:
    """What is there; empty at the end, None when there is nothing yet."""
    try:
        return os.read(pipe.fileno(), _CHUNK)
    except BlockingIOError:
        return None
