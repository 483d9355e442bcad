"""One JSON object a line, both ways; bytes travel as ``{"b64": "..."}``.

A request is ``{"id": 7, "do": "start", ...}``, its reply ``{"id": 7, "ok": ...}`` or
``{"id": 7, "error": "ProgramNotFound", "text": "..."}`` with the name of a class of badwire.errors; all else is
an event.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

Message = dict[str, Any]

WIRE = "wire"  # stands where a host's or a fault's name would, for the wire itself; no host has that name


def _to_json(value: object) -> object:
    if isinstance(value, bytes | bytearray | memoryview):
        return {"b64": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"{type(value).__name__} cannot travel in a message")


def _from_json(value: dict[str, Any]) -> object:
    if len(value) == 1 and "b64" in value:
        return base64.b64decode(value["b64"])
    return value


def encode(message: Mapping[str, Any]) -> bytes:
    """The message as one line, newline included."""
    return json.dumps(message, default=_to_json, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes | str) -> Any:
    """What ``encode`` made a line of.

    Raises:
        ValueError: the line is not JSON.
    """
    return json.loads(line, object_hook=_from_json)


class Decoder:
    """Puts messages together from a byte stream that cuts them anywhere."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> list[Message]:
        """The messages that ``data`` completes, in order.

        Raises:
            ValueError: a complete line is not a message.
        """
        *lines, rest = data.split(b"\n")
        if not lines:
            self._pieces.append(data)
            return []
        lines[0] = b"".join([*self._pieces, lines[0]])
        self._pieces = [rest]
        return [decode(line) for line in lines if line]
