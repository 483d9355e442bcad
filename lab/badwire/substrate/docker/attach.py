"""The stream to an agent in a container, whose stdout and stderr Docker sends on one socket, in frames.

A frame is a header of 8 bytes (stream 1 or 2, three zeros, length as 32 bits big-endian) and the data. Source: Docker
Engine API, POST /containers/{id}/attach, "Stream format".
"""

import contextlib
import socket
import struct
import threading
from typing import cast

HEADER = struct.Struct(">BxxxL")
STDERR = 2
_CHUNK = 1 << 18
_TAIL = 2000  # bytes of an agent's stderr that an error may quote


class AttachDecoder:
    """Decodes frames that arrive in pieces of any size; ``stderr_tail`` is the end of what stderr received."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._kind = 0
        self._left = 0  # bytes of the current frame that have not arrived
        self.stderr_tail = b""

    def feed(self, data: bytes) -> bytes:
        """Decode ``data``; returns its bytes that belong to stdout, also those of an incomplete frame."""
        out = bytearray()
        for kind, piece in self.pieces(data):
            if kind == STDERR:
                self.stderr_tail = (self.stderr_tail + piece)[-_TAIL:]
            else:
                out += piece
        return bytes(out)

    def pieces(self, data: bytes) -> list[tuple[int, bytes]]:
        """Decode ``data``; returns its bytes in order, each piece with the number of its stream."""
        self._buffer += data
        found: list[tuple[int, bytes]] = []
        start = 0
        while True:
            if not self._left:
                if len(self._buffer) - start < HEADER.size:
                    break
                self._kind, self._left = HEADER.unpack_from(self._buffer, start)
                start += HEADER.size
                continue
            piece = bytes(self._buffer[start : start + self._left])
            if not piece:
                break
            start += len(piece)
            self._left -= len(piece)
            found.append((self._kind, piece))
        del self._buffer[:start]
        return found


class AttachedStream:
    """A ``Stream`` over the socket of an attached container."""

    def __init__(self, attached: socket.SocketIO) -> None:
        self._attached = attached  # keep a reference: the connection is closed when this object is collected
        # For TLS the SDK returns the socket itself, otherwise a file object that wraps it.
        self._socket: socket.socket = getattr(attached, "_sock", None) or cast(socket.socket, attached)
        self._socket.settimeout(None)  # the client's timeout is for responses, not for a stream
        self._decoder = AttachDecoder()
        self._sending = threading.Lock()

    def fileno(self) -> int:
        return self._socket.fileno()

    def recv(self) -> bytes:
        while True:
            try:
                data = self._socket.recv(_CHUNK)
            except ConnectionResetError:
                return b""
            if not data:
                return b""
            if out := self._decoder.feed(data):
                return out

    def send(self, data: bytes) -> None:
        with self._sending:
            self._socket.sendall(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the other end may have closed first
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that is blocked in recv; close does not
        # The SDK's response first, which would flush its closed stream when it is collected (http/client.py).
        response = getattr(self._attached, "_response", None)
        if response is not None:
            response.close()
        self._attached.close()
        self._socket.close()

    def stderr_tail(self) -> str:
        return self._decoder.stderr_tail.decode("utf-8", "backslashreplace").strip()
