"""Programs that run inside a joined container: the same requests and events as those of a host's agent.

So ``Process``, the evidence and `badwire run-on` do not know the difference. The numbers of these programs begin at
FIRST, far above those that an agent gives to its own.
"""

import itertools
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from badwire.agent.host.program import OUTPUT_LIMIT, WINDOW
from badwire.errors import LabError
from badwire.substrate.substrate import OwnProgram, OwnPrograms
from badwire.testbed.channel import Reply
from badwire.util.jsonlines import Message

FIRST = 1_000_001
_TRUNCATED = f"\n[the lab records {OUTPUT_LIMIT} bytes of each stream; the rest is discarded]\n"


class ProgramsInside:
    """Starts programs inside the container of one host, and carries out requests about them.

    Args:
        host: the host's name.
        programs: starts them.
        on_event: called with each event, as an agent sends it, in a thread of the program's own.
    """

    def __init__(self, host: str, programs: OwnPrograms, on_event: Callable[[Message], None]) -> None:
        self._host = host
        self._programs = programs
        self._on_event = on_event
        self._numbers = itertools.count(FIRST)
        self._started: dict[int, _Inside] = {}

    def start(self, argv: Sequence[str], environment: Mapping[str, str], *, stdin: bool, piped: bool) -> int:
        """Start a program, and return its number.

        Args:
            argv: the program, a path or a name on the container's PATH, and its arguments.
            environment: variables in addition to the container's.
            stdin: whether its standard input stays open.
            piped: whether somebody receives all of its output and acknowledges it.

        Raises:
            ProgramNotFound: the container has no such program.
            MachineError: the engine refuses.
        """
        program = self._programs.start(self._host, argv, environment)
        number = next(self._numbers)
        if not stdin:
            program.end_input()
        inside = _Inside(number, program, self._on_event, piped)
        self._started[number] = inside
        inside.begin(argv)
        return number

    def request(self, do: str, program: int, **parameters: Any) -> Reply:
        """Carry out a request of ``badwire.agent.host.agent`` about one of these programs."""
        reply: Reply = Reply()
        try:
            reply.set_result(getattr(self._started[program], do)(**parameters))
        except LabError as error:
            reply.set_exception(error)
        return reply


class _Inside:
    """One program; its public methods are requests."""

    def __init__(self, number: int, program: OwnProgram, on_event: Callable[[Message], None], piped: bool) -> None:
        self._number = number
        self._program = program
        self._on_event = on_event
        self._piped = piped
        self._recorded = {"in": 0, "out": 0, "err": 0}  # bytes
        self._acknowledged = threading.Condition()
        self._unacknowledged = 0  # bytes

    def begin(self, argv: Sequence[str]) -> None:
        """Announce the program, and read its output from now on."""
        name = PurePath(argv[0]).name
        self._emit("program", what="start", name=name, argv=list(argv), pid=self._program.pid)
        threading.Thread(target=self._read, name=f"{name} inside a container", daemon=True).start()

    def type(self, data: bytes) -> bool:
        """Write to its standard input; returns whether the program is still there to read it."""
        try:
            self._program.send(data)
        except OSError:
            return False
        self._record("input", "in", data)
        return True

    def end_input(self) -> None:
        self._program.end_input()

    def acknowledge(self, size: int) -> None:
        with self._acknowledged:
            self._unacknowledged -= size
            self._acknowledged.notify()

    def signal(self, signal: str, group: bool) -> None:
        self._emit("program", what="signal", signal=signal)
        self._program.signal(signal)

    def _read(self) -> None:
        while pieces := self._program.recv():
            for stream, data in pieces:
                self._record("output", stream, data)
                with self._acknowledged:
                    self._unacknowledged += len(data) if self._piped else 0
                    self._acknowledged.wait_for(lambda: self._unacknowledged <= WINDOW)
        status: int | None = None
        killed_by: str | None = None
        try:
            status = self._program.status()
        except Exception:  # the container is gone, and the engine has forgotten its programs
            killed_by = signal.Signals.SIGKILL.name
        self._program.close()
        self._emit("program", what="exit", status=status, signal=killed_by)

    def _record(self, event: str, stream: str, data: bytes) -> None:
        room = OUTPUT_LIMIT - self._recorded[stream]
        self._recorded[stream] += len(data)
        recorded = data[: max(0, room)]
        surplus = data[len(recorded) :]
        if recorded:
            text = recorded.decode("utf-8", "backslashreplace")
            as_bytes = {} if text.encode() == recorded else {"data": recorded}
            self._emit(event, stream=stream, text=text, **as_bytes)
        if surplus and self._piped and event == "output":
            self._emit("surplus", stream=stream, data=surplus)
        if surplus and room >= 0:
            self._emit(event, stream=stream, text=_TRUNCATED, note=True)

    def _emit(self, event: str, **fields: Any) -> None:
        self._on_event({"event": event, "t": time.monotonic_ns(), "program": self._number, **fields})
