"""Bytes on their way into a descriptor that a program reads from: its terminal, or the pipe that is its stdin."""

import os
from collections import deque
from collections.abc import Callable

from badwire.agent.event_loop import Loop

Done = Callable[[bool], None]  # called once: with True when all was taken, with False when nobody reads any more


class InputQueue:
    """Writes in order, as the descriptor takes it, without blocking the agent.

    Args:
        fd: a descriptor that does not block. The queue does not close it.
        taken: called with the bytes of each write(2).
    """

    def __init__(self, loop: Loop, fd: int, taken: Callable[[bytes], None] = lambda data: None) -> None:
        self._loop = loop
        self._fd = fd
        self._taken = taken
        self._waiting: deque[tuple[bytes, Done]] = deque()

    def write(self, data: bytes, done: Done) -> None:
        """Write ``data`` after everything that waits already."""
        self._waiting.append((data, done))
        if len(self._waiting) == 1:
            self.flush()

    def flush(self) -> None:
        """Write what can be written now, and the rest when the loop reports that there is room."""
        while self._waiting:
            data, done = self._waiting.popleft()
            try:
                written = os.write(self._fd, data)
            except BlockingIOError:
                self._waiting.appendleft((data, done))
                break
            except OSError:
                done(False)
                continue
            self._taken(data[:written])
            rest = data[written:]
            if rest:
                self._waiting.appendleft((rest, done))
            else:
                done(True)
        if self._waiting:
            self._loop.writer(self._fd, self.flush)
        else:
            self._loop.writer(self._fd, None)

    def drop(self) -> None:
        """Discard what still waits. The caller removes the descriptor from the loop."""
        while self._waiting:
            _, done = self._waiting.popleft()
            done(False)
