"""Encodes and decodes messages as one JSON object per line; bytes are written as ``{"b64": "..."}``.

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


def _to_json(value: object) -> object:
    if isinstance(value, bytes | bytearray | memoryview):
        encoded = base64.b64encode(value)
        return {"b64": encoded.decode("ascii")}
    raise TypeError(f"a message cannot hold a {type(value).__name__}")


def _from_json(value: dict[str, Any]) -> object:
    if len(value) == 1 and "b64" in value:
        return base64.b64decode(value["b64"])
    return value


def encode(message: Mapping[str, Any]) -> bytes:
    """Encode a message as one line, including the newline."""
    text = json.dumps(message, default=_to_json, separators=(",", ":"))
    return text.encode() + b"\n"


def decode(line: bytes | str) -> Any:
    """Decode a line that ``encode`` made.

    Raises:
        ValueError: the line is not JSON.
    """
    return json.loads(line, object_hook=_from_json)


class Decoder:
    """Decodes messages from a byte stream, in pieces of any size."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> list[Message]:
        """Add ``data`` to the stream, and return the messages that it completes, in order.

        Raises:
            ValueError: a complete line is not a message.
        """
        self._pieces.append(data)
        if b"\n" not in data:
            return []
        lines = b"".join(self._pieces).split(b"\n")
        incomplete = lines.pop()
        self._pieces = [incomplete]
        return [decode(line) for line in lines if line]
