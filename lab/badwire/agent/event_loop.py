"""What an agent waits on: descriptors that can be read or written, and times."""

import collections
import heapq
import itertools
import os
import select
import time
from collections.abc import Callable


class Timer:
    """A call that is due once; ``cancel`` takes it back."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """One thread, descriptors and timers; times are CLOCK_MONOTONIC in nanoseconds.

    It waits with poll(2), whose time-outs are whole milliseconds: good for an agent, too coarse for the relay, which
    has a loop of its own.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._writers: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[int, int, Timer]] = []
        self._order = itertools.count()
        self._running = False
        self._handed_over: collections.deque[Callable[[], None]] = collections.deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.reader(self._bell, self._take_over)

    def reader(self, fd: int, callback: Callable[[], None]) -> None:
        """Call back whenever ``fd`` can be read, or its other end is gone, until it is forgotten."""
        self._readers[fd] = callback
        self._register(fd)

    def writer(self, fd: int, callback: Callable[[], None] | None) -> None:
        """Call back whenever ``fd`` can be written, or its other end is gone, until None takes the callback's place."""
        had = self._writers.pop(fd, None)
        if callback is not None:
            self._writers[fd] = callback
        if callback is not had:
            self._register(fd)

    def forget(self, fd: int) -> None:
        """Call back no more, neither to read nor to write."""
        if fd in self._readers or fd in self._writers:
            self._readers.pop(fd, None)
            self._writers.pop(fd, None)
            self._register(fd)

    def _register(self, fd: int) -> None:
        wanted = (select.POLLIN if fd in self._readers else 0) | (select.POLLOUT if fd in self._writers else 0)
        if wanted:
            self._poll.register(fd, wanted)
        else:
            self._poll.unregister(fd)

    def at(self, t_ns: int, callback: Callable[[], None]) -> Timer:
        """Call back once, not before ``t_ns``."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (t_ns, next(self._order), timer))
        return timer

    def from_thread(self, callback: Callable[[], None]) -> None:
        """Call back soon in the loop's own thread; the one method that another thread, or a signal handler, may use."""
        self._handed_over.append(callback)
        os.eventfd_write(self._bell, 1)

    def _take_over(self) -> None:
        os.eventfd_read(self._bell)
        while self._handed_over:
            self._handed_over.popleft()()

    def run(self) -> None:
        """Serve until ``stop``."""
        self._running = True
        while self._running:
            ready = self._poll.poll(self._milliseconds_to_next())
            for fd, events in ready:
                if events & ~select.POLLOUT and (callback := self._readers.get(fd)) is not None:
                    callback()
                if events & ~select.POLLIN and (callback := self._writers.get(fd)) is not None:
                    callback()
            self._fire()

    def stop(self) -> None:
        self._running = False

    def _milliseconds_to_next(self) -> float | None:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return max(0.0, -((time.monotonic_ns() - self._timers[0][0]) // 1_000_000))

    def _fire(self) -> None:
        now = time.monotonic_ns()
        while self._timers and self._timers[0][0] <= now:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                callback()
