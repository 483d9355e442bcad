"""Connections that a host opens on behalf of the process that runs the lab, which reads and writes their bytes."""

import errno
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

from badwire.agent.event_loop import Loop
from badwire.agent.host.input import InputQueue

_CHUNK = 1 << 16
_RESETS = struct.pack("ii", 1, 0)  # struct linger of socket(7): close with a RST
Reply = Callable[[Any], None]


class Outgoing:
    """A non-blocking TCP connection; each request is answered once the network has carried it out."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._input = InputQueue(loop, self._socket.fileno())
        self._connecting: Reply | None = None
        self._reading: Reply | None = None

    def connect(self, address: str, port: int, reply: Reply) -> None:
        """Reply with None once the connection is established, or with the name of the errno if that fails."""
        self._connecting = reply
        number = self._socket.connect_ex((address, port))
        if number == errno.EINPROGRESS:
            self._loop.writer(self._socket.fileno(), self._connected)
        else:
            self._reply_to_connect(number)

    def _connected(self) -> None:
        self._loop.writer(self._socket.fileno(), None)
        self._reply_to_connect(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _reply_to_connect(self, number: int) -> None:
        if self._connecting is not None:
            reply = self._connecting
            self._connecting = None
            reply(errno.errorcode.get(number, os.strerror(number)) if number else None)

    def read(self, reply: Reply) -> None:
        """Reply with the next bytes, empty at the end of the stream; with None if the connection has broken."""
        self._reading = reply
        self._loop.reader(self._socket.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data: bytes | None = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = None
        self._loop.forget(self._socket.fileno())
        self._input.flush()  # goes on to wait for room, if it did
        self._reply_to_read(data)

    def _reply_to_read(self, data: bytes | None) -> None:
        if self._reading is not None:
            reply = self._reading
            self._reading = None
            reply(data)

    def write(self, data: bytes, reply: Reply) -> None:
        """Reply with True when the kernel has taken all of it, with False if the connection has broken."""
        self._input.write(data, reply)

    def end(self) -> None:
        """Send a FIN after everything that was written."""
        self._input.write(b"", lambda taken: self._shut_down())

    def _shut_down(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # it has broken
                raise

    def close(self, reset: bool) -> None:
        """Close it, with a RST if ``reset``; what is not answered yet is answered as if it had broken."""
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        self._reply_to_connect(errno.ECANCELED)
        self._reply_to_read(None)
        self._input.drop()
