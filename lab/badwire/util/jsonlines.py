"""Encodes and decodes messages as one JSON object per line, for files and for streams.

In a file, bytes are written as ``{"b64": "..."}``. In a stream they follow the line as they are, one after the other:
the line begins with their total number and a space, and has ``{"raw": NUMBER}`` in each place where they belong.

A request is ``{"id": 7, "do": "start", ...}``. Its reply is ``{"id": 7, "ok": ...}``, or
``{"id": 7, "error": "ProgramNotFound", "text": "..."}`` with the name of a class of badwire.errors. Any other message
is an event.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

Message = dict[str, Any]
MessageHandler = Callable[[Message], None]

# Identifies the wire itself in fields that otherwise have the name of a host or a fault. No host may have this name.
WIRE = "wire"

_SEPARATORS = (",", ":")


def encode(message: Mapping[str, Any]) -> bytes:
    """Encode a message for a file: one line, including the newline."""

    def to_json(value: object) -> object:
        encoded = base64.b64encode(_checked(value))
        return {"b64": encoded.decode("ascii")}

    text = json.dumps(message, default=to_json, separators=_SEPARATORS)
    return text.encode() + b"\n"


def decode(line: bytes | str) -> Any:
    """Decode a line that ``encode`` made.

    Raises:
        ValueError: the line is not JSON.
    """
    return json.loads(line, object_hook=_from_base64)


def _from_base64(value: dict[str, Any]) -> object:
    if len(value) == 1 and "b64" in value:
        return base64.b64decode(value["b64"])
    return value


def pack(message: Mapping[str, Any]) -> bytes:
    """Encode a message for a stream, which ``Decoder`` reads."""
    pieces: list[bytes] = []

    def to_json(value: object) -> object:
        piece = _checked(value)
        pieces.append(piece)
        return {"raw": len(piece)}

    line = json.dumps(message, default=to_json, separators=_SEPARATORS).encode() + b"\n"
    if not pieces:
        return line
    total = sum(len(piece) for piece in pieces)
    return b"".join((b"%d " % total, line, *pieces))


def _checked(value: object) -> bytes:
    """The value, if it is bytes; raises TypeError if it is of a type that no message can have."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    raise TypeError(f"a message cannot hold a {type(value).__name__}")


class Decoder:
    """Decodes messages from a byte stream, in pieces of any size: those of ``pack``, and lines of ``encode``."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # bytes of the buffer that have no newline
        self._line: bytes | None = None  # of the message whose bytes have not arrived yet
        self._total = 0  # of these

    def feed(self, data: bytes) -> list[Message]:
        """Add ``data`` to the stream, and return the messages that it completes, in order.

        Raises:
            ValueError: a complete line is not a message.
        """
        self._buffer += data
        messages: list[Message] = []
        at = 0
        while True:
            if self._line is None:
                end = self._buffer.find(b"\n", max(at, self._searched))
                if end < 0:
                    self._searched = len(self._buffer) - at
                    break
                self._begin(bytes(self._buffer[at:end]))
                self._searched = 0
                at = end + 1
            if self._line is None:  # it was empty
                continue
            end = at + self._total
            if len(self._buffer) < end:
                break
            with memoryview(self._buffer) as view, view[at:end] as raw:
                messages.append(_message(self._line, raw))
            self._line = None
            at = end
        del self._buffer[:at]
        return messages

    def _begin(self, line: bytes) -> None:
        self._total = 0
        if line[:1].isdigit():
            total, _, line = line.partition(b" ")
            self._total = int(total)
        self._line = line or None


def _message(line: bytes, raw: memoryview) -> Any:
    """Decode a line with the bytes that follow it."""
    used = 0

    def from_json(value: dict[str, Any]) -> object:
        nonlocal used
        if len(value) != 1 or "raw" not in value:
            return _from_base64(value)
        begin = used
        used += value["raw"]
        return bytes(raw[begin:used])

    return json.loads(line, object_hook=from_json)
