"""The connection between a command and the daemon that keeps a lab: messages in both directions over a Unix socket."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from badwire.errors import AgentLost, LabError, from_wire, to_wire
from badwire.util.jsonlines import Decoder, Message, pack

_CHUNK = 1 << 16  # bytes


class ControlConnection:
    """One end of the connection. Several threads may send; one receives."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._decoder = Decoder()
        self._received: list[Message] = []
        self._sending = threading.Lock()

    def fileno(self) -> int:
        """The socket's descriptor, for poll(2)."""
        return self.socket.fileno()

    def send(self, **message: Any) -> None:
        """Send one message. Raises OSError if the peer is gone."""
        with self._sending:
            self.socket.sendall(pack(message))

    def send_error(self, error: LabError) -> None:
        """Send an error, which the peer's ``receive`` raises; does nothing if the peer is gone."""
        with contextlib.suppress(OSError):
            self.send(**to_wire(error))

    def receive(self) -> Message | None:
        """Wait for the next message and return it; None once the peer is gone.

        Raises:
            LabError: the peer sent this error.
        """
        while not self._received:
            try:
                data = self.socket.recv(_CHUNK)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._received = self._decoder.feed(data)
        message = self._received.pop(0)
        if "error" in message:
            raise from_wire(message)
        return message

    def receive_buffered(self) -> list[Message]:
        """The messages that arrived together with the last one: poll(2) does not report them."""
        received = self._received
        self._received = []
        return received

    def receive_reply(self) -> Message:
        """Wait for the next message and return it.

        Raises:
            AgentLost: the peer is gone.
            LabError: the peer sent this error.
        """
        message = self.receive()
        if message is None:
            raise lab_ended()
        return message

    def messages(self) -> Iterator[Message]:
        """Every message until the peer is gone."""
        while (message := self.receive()) is not None:
            yield message

    def close(self) -> None:
        """Close the connection; a thread that waits in ``receive`` gets None."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def lab_ended() -> AgentLost:
    """The error for a command whose lab has ended while it ran."""
    return AgentLost("The lab has ended (by badwire down, or its process was killed); `badwire up` starts a new one.")
