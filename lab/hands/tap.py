"""Frames as they pass, as pcapng, for `lab capture --live`: raw bytes on the command's connection.

Who reads too slowly loses frames, which a block then counts, as with any capture; the lab waits for nobody.
"""

import io
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab import pcapng
from lab.agent.messages import Message
from lab.hands.line import Line
from lab.hands.overheard import Frame

if TYPE_CHECKING:
    from lab.hands.desk import Desk

MOST_WAITING = 32 << 20  # bytes of frames that wait for one reader


@dataclass(frozen=True)
class Wanted:
    """Frames delivered to one of ``toward``, or sent by or delivered to one of ``hosts``; all if both are empty."""

    toward: Collection[str]
    hosts: Collection[str]

    def __call__(self, port: str, direction: str) -> bool:
        if not self.toward and not self.hosts:
            return True
        return port in self.hosts or (direction == "out" and port in self.toward)


class Out:
    """Writes frames with the time of day, which readers of a live capture expect."""

    def __init__(self, ports: Iterable[str]) -> None:
        self._file = io.BytesIO()
        self._writer = pcapng.Writer(self._file)
        self._ports = list(ports)
        for port in self._ports:
            self._writer.port(port)
        self._behind = time.time_ns() - time.monotonic_ns()

    def frames(self, frames: Iterable[Frame]) -> None:
        for t, port, direction, length, data in frames:
            self._writer.frame(t + self._behind, port, direction, data, length)

    def lost(self, frames: int, lost: int) -> None:
        """So many of so many frames were lost until now; of such blocks the last counts."""
        self._writer.statistics(time.time_ns(), self._ports[0], frames, lost)

    def take(self) -> bytes:
        """What was written since the last time."""
        data = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return data


class Tap:
    """Frames that wait for one reader."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._changed = threading.Condition()
        self._waiting: deque[Frame] = deque()
        self._size = 0
        self._over = False
        self.passed = self.lost = 0

    def hear(self, kind: str, fields: Mapping[str, Any]) -> None:
        if kind != "frames":
            return
        with self._changed:
            for frame in fields["frames"]:
                if self._wanted(frame[1], frame[2]):
                    self._put(frame)
            self._changed.notify()

    def end_with(self, line: Line) -> None:
        """End when the command does."""
        line.hear()
        with self._changed:
            self._over = True
            self._changed.notify()

    def take(self) -> list[Frame]:
        """What waits; waits for it. Nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over)
            taken = list(self._waiting)
            self._waiting.clear()
            self._size = 0
            return taken

    def _put(self, frame: Frame) -> None:
        self.passed += 1
        if self._size > MOST_WAITING:
            self.lost += 1
            return
        self._size += len(frame[-1])
        self._waiting.append(frame)


def serve(desk: "Desk", line: Line, request: Message) -> None:
    """Say where the capture is, and with ``live``, when the command is ready for it, all that passes from now on."""
    wanted = Wanted(*([host.name for host in desk.hosts(names)] if names else () for names in _names(request)))
    line.say(ok={"folder": str(desk.lab.folder), "hosts": list(desk.lab.hosts)})
    if not request["live"] or line.hear() is None:
        return
    tap, out = Tap(wanted), Out(desk.lab.hosts)
    with desk.recorder.told(tap.hear):
        threading.Thread(target=tap.end_with, args=(line,), name="tap", daemon=True).start()
        line.socket.sendall(out.take())
        told = 0
        while frames := tap.take():
            out.frames(frames)
            if tap.lost > told:
                out.lost(tap.passed, told := tap.lost)
            line.socket.sendall(out.take())


def _names(request: Message) -> tuple[list[str], list[str]]:
    return request["toward"], request["hosts"]
