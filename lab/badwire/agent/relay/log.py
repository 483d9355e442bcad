"""What the relay tells of its work while somebody watches: decisions, delivered frames, and what it left out.

Between the wire's agent and its relay: values on a stream socket.

Both ends are one interpreter, forked, so marshal serves: it is many times faster than JSON, and takes bytes.
"""

import marshal
import socket
import struct
import time
from collections import deque
from typing import Any

from badwire.util.jsonlines import WIRE

_LENGTH = struct.Struct("=I")


def pack(value: Any) -> bytes:
    """One value (numbers, text, bytes, lists, dicts) as bytes for the other end."""
    body = marshal.dumps(value)
    return _LENGTH.pack(len(body)) + body


class Unpacker:
    """Puts the values together again, however the stream was cut."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        self._rest += data
        values: list[Any] = []
        begin = 0
        while len(self._rest) - begin >= _LENGTH.size:
            end = begin + _LENGTH.size + _LENGTH.unpack_from(self._rest, begin)[0]
            if len(self._rest) < end:
                break
            values.append(marshal.loads(self._rest[begin + _LENGTH.size : end]))
            begin = end
        del self._rest[:begin]
        return values


_LONGEST = 64 << 20  # bytes that wait for a reader; what is beyond is counted, not kept


class Log:
    """Gathers what happens in one turn of the loop and sends it in one piece; never makes the frames wait."""

    def __init__(self, link: socket.socket) -> None:
        self.waiting = 0  # bytes that the link did not take yet
        self.snaplen: int | None = None  # None: nobody watches
        self._link = link
        self._pieces: deque[bytes] = deque()
        self._frames: list[list[Any]] = []
        self._others: list[dict[str, Any]] = []
        self._untold = 0

    def delivered(self, t: int, host: str, frame: bytes) -> None:
        if self.snaplen is not None:
            self._frames.append([t, host, "out", len(frame), frame[: self.snaplen]])

    def said(self, t: int, frame: bytes) -> None:
        """A frame that the wire itself sent: on record like one that a host sent, from a port of the wire's name."""
        if self.snaplen is not None:
            self._frames.append([t, WIRE, "in", len(frame), frame[: self.snaplen]])

    def decision(self, host: str, fault: str, verdict: str, frame: bytes) -> None:
        if self.snaplen is not None:
            event = {"event": "decision", "t": time.monotonic_ns(), "toward": host, "fault": fault, "verdict": verdict}
            self._others.append({**event, "frame": frame[: self.snaplen]})

    def lost(self, host: str | None, frames: int) -> None:
        """Frames toward ``host`` that the relay had no room for; None: records that it had no room for."""
        if self.snaplen is not None:
            self._others.append({"event": "lost", "t": time.monotonic_ns(), "toward": host, "frames": frames})

    def answer(self, value: Any) -> None:
        """The answer to a request; comes after everything that happened before."""
        self.flush()
        self._append(pack(["answer", value]))
        self._push()

    def flush(self) -> None:
        """Hand over what has gathered, or count it when the reader is too far behind."""
        if self._frames or self._others:
            if self.waiting > _LONGEST:
                self._untold += len(self._frames) + len(self._others)
            else:
                if self._untold:
                    self.lost(None, self._untold)
                    self._untold = 0
                if self._frames:
                    self._others.append({"event": "frames", "frames": self._frames})
                self._append(pack(["events", self._others]))
            self._frames, self._others = [], []
        if self.waiting:
            self._push()

    def _append(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.waiting += len(piece)

    def _push(self) -> None:
        while self._pieces:
            piece = self._pieces.popleft()
            try:
                sent = self._link.send(piece)
            except BlockingIOError:
                sent = 0
            except (BrokenPipeError, ConnectionResetError):  # nobody is there; the loop sees that for itself
                self._pieces.clear()
                self.waiting = 0
                return
            self.waiting -= sent
            if sent < len(piece):
                self._pieces.appendleft(piece[sent:])
                return
