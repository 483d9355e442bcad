"""What a command and the process that keeps a lab say to each other: messages over a Unix socket, many a connection."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from badwire.errors import AgentLost, LabError, from_wire, to_wire
from badwire.util.jsonlines import Decoder, Message, encode

_CHUNK = 1 << 16


class Line:
    """One end. Several threads may send; one receives."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._decoder = Decoder()
        self._come: list[Message] = []
        self._sending = threading.Lock()

    def fileno(self) -> int:
        return self.socket.fileno()

    def say(self, **message: Any) -> None:
        """Raises OSError when the other end is gone."""
        with self._sending:
            self.socket.sendall(encode(message))

    def say_error(self, error: LabError) -> None:
        """An error, which the other end's ``hear`` raises; whether somebody is there or not."""
        with contextlib.suppress(OSError):
            self.say(**to_wire(error))

    def hear(self) -> Message | None:
        """The next message; None once the other end is gone. Raises the LabError that it sent."""
        while not self._come:
            try:
                data = self.socket.recv(_CHUNK)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._come = self._decoder.feed(data)
        message = self._come.pop(0)
        if "error" in message:
            raise from_wire(message)
        return message

    def heard(self) -> list[Message]:
        """What came with the last message and was not asked for yet: a poll does not tell of it."""
        come, self._come = self._come, []
        return come

    def all(self) -> Iterator[Message]:
        """Every message until the other end is gone."""
        while (message := self.hear()) is not None:
            yield message

    def expect(self) -> Message:
        """The next message. Raises AgentLost if the other end goes instead."""
        if (message := self.hear()) is None:
            raise gone()
        return message

    def close(self) -> None:
        """Whoever waits in ``hear`` hears the end."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def gone() -> AgentLost:
    """The error for a command whose lab has ended meanwhile."""
    return AgentLost(
        "The lab has ended meanwhile (badwire down, or was its process killed?); `badwire up` brings one up."
    )
