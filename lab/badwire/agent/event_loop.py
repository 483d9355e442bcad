"""An agent's event loop: callbacks for descriptors that can be read or written, and for times."""

import collections
import heapq
import itertools
import math
import os
import select
import time
from collections.abc import Callable

Callback = Callable[[], None]


class Timer:
    """A callback that is due once, at ``due`` (ns of CLOCK_MONOTONIC), unless it is cancelled."""

    __slots__ = ("callback", "due", "number")

    def __init__(self, due: int, number: int, callback: Callback) -> None:
        self.due = due
        self.number = number  # of two timers that are due at the same time, the lower one is first
        self.callback: Callback | None = callback

    def __lt__(self, other: "Timer") -> bool:
        return (self.due, self.number) < (other.due, other.number)

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """Descriptors and timers, in one thread; times are CLOCK_MONOTONIC in nanoseconds.

    It waits with poll(2), whose timeouts are whole milliseconds. That is too coarse for the relay, which has a loop of
    its own.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._readers: dict[int, Callback] = {}
        self._writers: dict[int, Callback] = {}
        self._timers: list[Timer] = []  # a heap
        self._timer_numbers = itertools.count()
        self._running = False
        self._from_threads: collections.deque[Callback] = collections.deque()
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.reader(self._wakeup, self._call_from_threads)

    def reader(self, fd: int, callback: Callback) -> None:
        """Call ``callback`` whenever ``fd`` can be read, or its other end is closed, until ``forget``."""
        self._readers[fd] = callback
        self._register(fd)

    def writer(self, fd: int, callback: Callback | None) -> None:
        """Call ``callback`` whenever ``fd`` can be written, or its other end is closed; None removes the callback."""
        previous = self._writers.pop(fd, None)
        if callback is not None:
            self._writers[fd] = callback
        if callback is not previous:
            self._register(fd)

    def forget(self, fd: int) -> None:
        """Remove the callbacks of ``fd``, for reading and for writing."""
        if fd in self._readers or fd in self._writers:
            self._readers.pop(fd, None)
            self._writers.pop(fd, None)
            self._register(fd)

    def _register(self, fd: int) -> None:
        events = 0
        if fd in self._readers:
            events |= select.POLLIN
        if fd in self._writers:
            events |= select.POLLOUT
        if events:
            self._poll.register(fd, events)
        else:
            self._poll.unregister(fd)

    def at(self, t_ns: int, callback: Callback) -> Timer:
        """Call ``callback`` once, at ``t_ns`` or soon after."""
        timer = Timer(t_ns, next(self._timer_numbers), callback)
        heapq.heappush(self._timers, timer)
        return timer

    def from_thread(self, callback: Callback) -> None:
        """Call ``callback`` soon in the loop's thread; the only method for other threads and signal handlers."""
        self._from_threads.append(callback)
        os.eventfd_write(self._wakeup, 1)

    def _call_from_threads(self) -> None:
        os.eventfd_read(self._wakeup)
        while self._from_threads:
            callback = self._from_threads.popleft()
            callback()

    def run(self) -> None:
        """Call the callbacks until ``stop``."""
        self._running = True
        while self._running:
            timeout = self._timeout()
            for fd, events in self._poll.poll(timeout):
                self._call_back(fd, events)
            self._call_due_timers()

    def _call_back(self, fd: int, events: int) -> None:
        # An error or a hang-up, which poll(2) reports unasked, goes to both.
        if events & ~select.POLLOUT:
            read = self._readers.get(fd)
            if read is not None:
                read()
        if events & ~select.POLLIN:
            write = self._writers.get(fd)
            if write is not None:
                write()

    def stop(self) -> None:
        """End ``run`` after the callbacks that are due now."""
        self._running = False

    def _timeout(self) -> int | None:
        """Milliseconds until the next timer, rounded up; None: there is no timer."""
        while self._timers and self._timers[0].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        left_ns = self._timers[0].due - time.monotonic_ns()
        return max(0, math.ceil(left_ns / 1_000_000))

    def _call_due_timers(self) -> None:
        now = time.monotonic_ns()
        while self._timers and self._timers[0].due <= now:
            timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()
