"""The relay's log while it is watched: decisions, delivered frames, and losses, sent to the wire's agent.

Values travel on a stream socket. Both ends are one forked interpreter, so marshal can be used: it is many times faster
than JSON, and encodes bytes.
"""

import marshal
import socket
import struct
import time
from collections import deque
from typing import Any

from badwire.util.jsonlines import WIRE

_LENGTH = struct.Struct("=I")
_MAX_PENDING = 64 << 20  # bytes that wait for the reader; records beyond that are counted and dropped


def pack(value: Any) -> bytes:
    """Encode one value (numbers, text, bytes, lists, dicts) for the other end."""
    body = marshal.dumps(value)
    return _LENGTH.pack(len(body)) + body


class Unpacker:
    """Decodes values from a stream that arrives in pieces of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """The values that ``data`` completes, in order."""
        self._buffer += data
        values: list[Any] = []
        start = 0
        while len(self._buffer) >= start + _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            body = start + _LENGTH.size
            end = body + length
            if len(self._buffer) < end:
                break
            value = marshal.loads(self._buffer[body:end])
            values.append(value)
            start = end
        del self._buffer[:start]
        return values


class Log:
    """Collects the records of one iteration of the loop and sends them in one piece; it never delays a frame."""

    def __init__(self, link: socket.socket) -> None:
        self.pending = 0  # bytes that the link has not taken yet
        self.snaplen: int | None = None  # None: not watched
        self._link = link
        self._pieces: deque[bytes] = deque()
        self._frames: list[list[Any]] = []
        self._events: list[dict[str, Any]] = []
        self._dropped = 0  # records

    def delivered(self, t: int, host: str, frame: bytes) -> None:
        """A frame was delivered to a host."""
        if self.snaplen is not None:
            self._frames.append([t, host, "out", len(frame), frame[: self.snaplen]])

    def sent(self, t: int, frame: bytes) -> None:
        """The wire itself sent a frame; recorded as if a host of the wire's name had sent it."""
        if self.snaplen is not None:
            self._frames.append([t, WIRE, "in", len(frame), frame[: self.snaplen]])

    def decision(self, host: str, fault: str, verdict: str, frame: bytes) -> None:
        """A fault decided about a frame toward a host."""
        if self.snaplen is not None:
            event = {
                "event": "decision",
                "t": time.monotonic_ns(),
                "toward": host,
                "fault": fault,
                "verdict": verdict,
                "frame": frame[: self.snaplen],
            }
            self._events.append(event)

    def lost(self, host: str | None, frames: int) -> None:
        """Frames toward ``host`` were lost because the relay had no room; with None, records were."""
        if self.snaplen is not None:
            event = {"event": "lost", "t": time.monotonic_ns(), "toward": host, "frames": frames}
            self._events.append(event)

    def answer(self, value: Any) -> None:
        """Send the answer to a request, after the records of everything before it."""
        self.flush()
        piece = pack(["answer", value])
        self._append(piece)
        self._push()

    def flush(self) -> None:
        """Send the collected records, or count and drop them when the reader is too far behind."""
        if self._frames or self._events:
            if self.pending > _MAX_PENDING:
                self._dropped += len(self._frames) + len(self._events)
            else:
                self._append_records()
            self._frames = []
            self._events = []
        if self.pending:
            self._push()

    def _append_records(self) -> None:
        if self._dropped:
            self.lost(None, self._dropped)
            self._dropped = 0
        if self._frames:
            self._events.append({"event": "frames", "frames": self._frames})
        piece = pack(["events", self._events])
        self._append(piece)

    def _append(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.pending += len(piece)

    def _push(self) -> None:
        while self._pieces:
            piece = self._pieces.popleft()
            try:
                sent = self._link.send(piece)
            except BlockingIOError:
                sent = 0
            except (BrokenPipeError, ConnectionResetError):  # the agent is gone; the loop notices by itself
                self._pieces.clear()
                self.pending = 0
                return
            self.pending -= sent
            if sent < len(piece):
                self._pieces.appendleft(piece[sent:])
                return
