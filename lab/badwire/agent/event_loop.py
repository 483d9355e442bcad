"""An agent's event loop: callbacks for descriptors that can be read or written, and for times."""

import collections
import heapq
import itertools
import os
import select
import time
from collections.abc import Callable


class Timer:
    """A callback that is due once, unless it is cancelled."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """Descriptors and timers, in one thread; times are CLOCK_MONOTONIC in nanoseconds.

    It waits with poll(2), whose timeouts are whole milliseconds. That is too coarse for the relay, which has a loop of
    its own.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._writers: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[int, int, Timer]] = []
        self._order = itertools.count()
        self._running = False
        self._from_threads: collections.deque[Callable[[], None]] = collections.deque()
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.reader(self._wakeup, self._call_from_threads)

    def reader(self, fd: int, callback: Callable[[], None]) -> None:
        """Call back whenever ``fd`` can be read, or its other end is closed, until ``forget``."""
        self._readers[fd] = callback
        self._register(fd)

    def writer(self, fd: int, callback: Callable[[], None] | None) -> None:
        """Call back whenever ``fd`` can be written, or its other end is closed; None: call back no more."""
        had = self._writers.pop(fd, None)
        if callback is not None:
            self._writers[fd] = callback
        if callback is not had:
            self._register(fd)

    def forget(self, fd: int) -> None:
        """Remove the callbacks of ``fd``, for reading and for writing."""
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
        """Call back once, at ``t_ns`` or soon after."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (t_ns, next(self._order), timer))
        return timer

    def from_thread(self, callback: Callable[[], None]) -> None:
        """Call back soon in the loop's thread; the only method for other threads and signal handlers."""
        self._from_threads.append(callback)
        os.eventfd_write(self._wakeup, 1)

    def _call_from_threads(self) -> None:
        os.eventfd_read(self._wakeup)
        while self._from_threads:
            callback = self._from_threads.popleft()
            callback()

    def run(self) -> None:
        """Call back until ``stop``."""
        self._running = True
        while self._running:
            ready = self._poll.poll(self._timeout())
            for fd, events in ready:
                if events & ~select.POLLOUT and (callback := self._readers.get(fd)) is not None:
                    callback()
                if events & ~select.POLLIN and (callback := self._writers.get(fd)) is not None:
                    callback()
            self._fire()

    def stop(self) -> None:
        """End ``run`` after the present callbacks."""
        self._running = False

    def _timeout(self) -> float | None:
        """Milliseconds until the next timer, rounded up; None: there is no timer."""
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
