"""One program on a host: its output, whether it is ready, and how it ended."""

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from typing import IO, Any

from badwire.agent.event_loop import Loop, Timer
from badwire.agent.host import system
from badwire.agent.host.input import Done, InputQueue
from badwire.errors import LabError, ProgramFailed
from badwire.util.jsonlines import MessageHandler

OUTPUT_LIMIT = 1 << 20  # bytes recorded of each stream of a program; the rest is read and discarded
WINDOW = 1 << 16  # bytes sent to a reader and not yet acknowledged
READY = re.compile(rb"^ready\b", re.MULTILINE)
_CHUNK = 1 << 16
_QUOTED = 200  # bytes of the last line that an error quotes
_TRUNCATED = f"\n[the lab records {OUTPUT_LIMIT} bytes of each stream; the rest is discarded]\n"


class HostProgram:
    """A started program.

    ``on_ready`` is called once: with None when the program is ready, or with the reason why it will never be.
    ``pid`` is the number that programs on this host know it by.

    Args:
        piped: somebody receives all of its output and acknowledges it. What exceeds OUTPUT_LIMIT is then sent as events
            that are not recorded, and a reader that stops reading stops the program, as at the end of any pipe.
    """

    def __init__(
        self,
        number: int,
        name: str,
        process: subprocess.Popen[bytes],
        emit: MessageHandler,
        piped: bool = False,
    ) -> None:
        self.number = number
        self.name = name
        self.process = process
        self.pid = system.pid_of_its_own(process.pid)
        self.on_ready: Callable[[LabError | None], None] | None = None
        self.announces_ready = False  # it prints a line that begins with "ready"
        self.deadline: Timer | None = None
        self._emit = emit
        self._piped = piped
        self._unacknowledged = 0  # bytes
        self._recorded = {"in": 0, "out": 0, "err": 0}  # bytes
        self._last_line = b""
        self._ended = False

    def read(self, loop: Loop) -> None:
        """Read the program's output from now on."""
        self._loop = loop
        for _, pipe in self._pipes():
            os.set_blocking(pipe.fileno(), False)
        self._read_on()
        if self.process.stdin is not None:
            fd = self.process.stdin.fileno()
            os.set_blocking(fd, False)
            self._input = InputQueue(loop, fd, lambda data: self._record("input", "in", data))

    def type(self, data: bytes, done: Done) -> None:
        """Write to the program's standard input."""
        if self._open_stdin() is None:
            done(False)
        else:
            self._input.write(data, done)

    def end_input(self) -> None:
        """Close the program's standard input once everything before is written; it then reads an end of file."""
        if self._open_stdin() is not None:
            self._input.write(b"", lambda taken: self._close_input())

    def acknowledge(self, size: int) -> None:
        """The reader has received ``size`` more bytes."""
        self._unacknowledged -= size
        if self._unacknowledged < WINDOW:
            self._read_on()

    def read_now(self) -> None:
        """Read what the program has written until now, but at most what a pipe holds, since it may go on writing."""
        if self._piped:
            return  # its reader decides when it is read
        for stream, pipe in self._pipes():
            if pipe.closed:
                continue
            room = fcntl.fcntl(pipe.fileno(), fcntl.F_GETPIPE_SZ)
            data = _read(pipe)
            while data:
                self._output(stream, data)
                room -= len(data)
                data = _read(pipe) if room > 0 else None

    def became_ready(self, failure: LabError | None) -> None:
        """Report that the program is ready, or why it never will be (``failure``); only the first call counts."""
        if self.deadline is not None:
            self.deadline.cancel()
        if self.on_ready is None:
            return
        report = self.on_ready
        self.on_ready = None
        if failure is None:
            self.emit("program", what="ready")
        report(failure)

    def not_ready_in_time(self, condition: str, seconds: float) -> None:
        """Kill the program, which did not do what ``condition`` says within ``seconds``."""
        self.send_to_group(signal.SIGKILL)
        last_output = self._last_output()
        failure = ProgramFailed(f"{self.name} never {condition} within {seconds:g} s{last_output}; it was killed")
        self.became_ready(failure)

    def send(self, which: signal.Signals) -> None:
        """Send a signal to the program, unless it has ended."""
        if not self._ended:
            self.process.send_signal(which)

    def send_to_group(self, which: signal.Signals) -> None:
        """Send a signal to the program and to its children in the same process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, which)

    def end(self, code: int) -> None:
        """The program was reaped with this exit code; a negative one is the number of the signal that ended it."""
        self._ended = True
        self.process.returncode = code
        for stream, pipe in self._pipes():  # output from before the end is reported before the end
            self._read_rest(stream, pipe)
        self._close_input()
        status: int | None = code
        killed_by: str | None = None
        cause = f"status {code}"
        if code < 0:
            status = None
            killed_by = signal.Signals(-code).name
            cause = f"signal {killed_by}"
        hint = "; if it goes on as a daemon, start it with its option to stay in the foreground" if code == 0 else ""
        last_output = self._last_output()
        failure = ProgramFailed(f"{self.name} ended at once with {cause}, before it was ready{last_output}{hint}")
        self.became_ready(failure)
        self.emit("program", what="exit", status=status, signal=killed_by)

    def emit(self, event: str, **fields: Any) -> None:
        """Emit an event of this program, with the present time."""
        self._emit({"event": event, "program": self.number, "t": time.monotonic_ns(), **fields})

    def _pipes(self) -> list[tuple[str, IO[bytes]]]:
        assert self.process.stdout is not None and self.process.stderr is not None
        return [("out", self.process.stdout), ("err", self.process.stderr)]

    def _read_on(self) -> None:
        for stream, pipe in self._pipes():
            if not pipe.closed:
                self._loop.reader(pipe.fileno(), self._reader(stream, pipe))

    def _reader(self, stream: str, pipe: IO[bytes]) -> Callable[[], None]:
        def read() -> None:
            data = _read(pipe)
            if data is None:
                return
            if data:
                self._output(stream, data)
            else:
                self._loop.forget(pipe.fileno())
                pipe.close()
            if self._piped and self._unacknowledged >= WINDOW:
                self._stop_reading()

        return read

    def _stop_reading(self) -> None:
        for _, pipe in self._pipes():
            if not pipe.closed:
                self._loop.forget(pipe.fileno())

    def _open_stdin(self) -> IO[bytes] | None:
        """The program's standard input, if it is a pipe that is still open."""
        stdin = self.process.stdin
        if stdin is None or stdin.closed:
            return None
        return stdin

    def _close_input(self) -> None:
        stdin = self._open_stdin()
        if stdin is not None:
            self._loop.forget(stdin.fileno())
            stdin.close()
            self._input.drop()

    def _record(self, event: str, stream: str, data: bytes) -> None:
        """Emit what a stream carried, until OUTPUT_LIMIT; ``data`` has the bytes where ``text`` does not show them."""
        room = OUTPUT_LIMIT - self._recorded[stream]
        self._recorded[stream] += len(data)
        recorded = data[: max(0, room)]
        surplus = data[len(recorded) :]
        if recorded:
            text = recorded.decode("utf-8", "backslashreplace")
            if text.encode() == recorded:
                self.emit(event, stream=stream, text=text)
            else:
                self.emit(event, stream=stream, text=text, data=recorded)
        if surplus and self._piped and event == "output":
            self.emit("surplus", stream=stream, data=surplus)
        if surplus and room >= 0:
            self.emit(event, stream=stream, text=_TRUNCATED, note=True)

    def _read_rest(self, stream: str, pipe: IO[bytes]) -> None:
        if pipe.closed:
            return
        data = _read(pipe)
        while data:
            self._output(stream, data)
            data = _read(pipe)

    def _output(self, stream: str, data: bytes) -> None:
        if self._piped:
            self._unacknowledged += len(data)
        self._record("output", stream, data)
        lines = data.strip().splitlines()
        if lines and (stream == "err" or not self._last_line):
            self._last_line = lines[-1][-_QUOTED:]
        if stream == "out" and self.announces_ready and READY.search(data):
            self.became_ready(None)

    def _last_output(self) -> str:
        """The end of an error message that quotes the last line of output; empty if there was none."""
        if not self._last_line:
            return ""
        text = self._last_line.decode("utf-8", "backslashreplace")
        return f"; its last output: {text}"


def _read(pipe: IO[bytes]) -> bytes | None:
    """The bytes that can be read now; empty at the end of the stream, None when there are none yet."""
    try:
        return os.read(pipe.fileno(), _CHUNK)
    except BlockingIOError:
        return None
