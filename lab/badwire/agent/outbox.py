"""The messages of an agent that must not wait for the lab: they are sent as fast as the lab reads them."""

import os
from collections import deque
from collections.abc import Callable

from badwire.agent.event_loop import Loop
from badwire.util.jsonlines import Message, pack

# Bytes; half of what the wire's container may have. Whoever sends much asks for ``has_room`` first.
_FULL = 128 << 20


class Outbox:
    """Sends messages in order, without waiting for their reader. Used in the loop's thread only.

    Args:
        fd: the descriptor to write to. It no longer blocks.
        lost: called when there is no reader any more.
    """

    def __init__(self, loop: Loop, fd: int, lost: Callable[[], None]) -> None:
        self._loop = loop
        self._fd = fd
        self._lost = lost
        self._pieces: deque[memoryview] = deque()
        self._waiting = 0  # bytes
        os.set_blocking(fd, False)

    @property
    def has_room(self) -> bool:
        """Whether more can be sent before the reader has caught up."""
        return self._waiting < _FULL

    def send(self, message: Message) -> None:
        """Send a message after those before it, now or later."""
        piece = memoryview(pack(message))
        self._pieces.append(piece)
        self._waiting += len(piece)
        if len(self._pieces) == 1:
            self._write()

    def _write(self) -> None:
        try:
            while self._pieces:
                written = os.write(self._fd, self._pieces[0])
                self._waiting -= written
                rest = self._pieces.popleft()[written:]
                if rest:
                    self._pieces.appendleft(rest)
        except BlockingIOError:
            self._loop.writer(self._fd, self._write)
            return
        except OSError:
            self._pieces.clear()
            self._waiting = 0
            self._lost()
        self._loop.writer(self._fd, None)
