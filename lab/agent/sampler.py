"""When to look at the table of sockets.

A state changes on a segment, on a system call, or when a timer expires. A tap wakes us for each segment, and the table
itself tells when its timers expire. A system call that sends nothing shows in no event, and a segment is seen a moment
before TCP has dealt with it; so after every wake-up we look again at intervals that double, from 1 ms to 1 s, and every
10 ms from a little before a timer expires until it has: the kernel may fire it late by a step of its timer wheel, or be
in time when we are late, and then the look before must not be long ago.
"""

import ctypes
import socket
import struct
import time
from collections.abc import Callable

from lab.agent import inet_diag
from lab.agent.loop import Loop, Timer
from lab.agent.messages import Message

FIRST_GAP_NS = 1_000_000
LONGEST_GAP_NS = 1_000_000_000
CLOSE_GAP_NS = 10_000_000
CLOSE_MS = 100  # before a timer expires: we were late by up to 40 ms with both cores kept busy
OVERDUE_FOR_NS = 20_000_000_000  # a step of the timer wheel for two minutes and less: 16.4 s at HZ=250 (facts, 5)
SHARE = 5  # a fifth of one core at the most goes into sampling

SO_ATTACH_FILTER = 26
_ETH_P_ALL = 0x0003
_ONE_BYTE = struct.pack("HBBI", 0x06, 0, 0, 1)  # BPF: accept, one byte


def open_tap() -> socket.socket:
    """A packet socket that becomes readable whenever a frame comes or goes on any interface of this namespace."""
    # Without a bind it hears every interface, those that are still to come too.
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(_ETH_P_ALL))
    program = bytearray(_ONE_BYTE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(program))
    tap.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program) // 8, address))
    return tap


class Sampler:
    """Looks at the table when something may have changed, and tells of it when something did, or when it was asked."""

    def __init__(self, loop: Loop, emit: Callable[[Message], None]) -> None:
        self._loop, self._emit = loop, emit
        self._diag = inet_diag.open_diag()
        self._tap = open_tap()
        loop.reader(self._tap.fileno(), self._on_segment)
        # Docker's resolver listens in a container before anything of ours does; it is no part of the lab.
        self._strangers = {entry["inode"] for entry in inet_diag.table(self._diag)} - {0}
        self._known: list[dict[str, object]] | None = None
        self._looked = time.monotonic_ns()
        self._cost = 0
        self._gap = FIRST_GAP_NS
        self._overdue_since: int | None = None
        self._next: Timer | None = None
        self._next_at = 0
        self.watchers: list[Callable[[list[inet_diag.SocketEntry]], None]] = []

    def trigger(self, cause: str) -> None:
        """Something happened that may have changed the table."""
        self._gap = FIRST_GAP_NS
        self._schedule(self._looked + self._cost * SHARE, cause)

    def look(self, cause: str) -> list[inet_diag.SocketEntry]:
        """Look now; a change is told as an event, with the time of the last look that still saw the table before.

        The answer to somebody who asked is told in any case: then it is on record that nothing had changed until now.
        """
        before, worked = time.monotonic_ns(), time.thread_time_ns()
        sockets = [entry for entry in inet_diag.table(self._diag) if entry["inode"] not in self._strangers]
        now = time.monotonic_ns()
        # Work, not time: when somebody else has had the core meanwhile, that is no reason to look later.
        self._cost = time.thread_time_ns() - worked
        picture = [_still(entry) for entry in sockets]
        changed = picture != self._known
        if changed or cause == "asked":
            prev = self._looked if changed else before
            self._emit({"event": "sample", "t": now, "prev": prev, "cause": cause, "sockets": sockets})
            self._known = picture
        self._looked = before
        for watcher in tuple(self.watchers):
            watcher(sockets)
        self._plan(sockets, now)
        return sockets

    def _on_segment(self) -> None:
        try:
            while True:
                self._tap.recv(1)
        except BlockingIOError:
            self.trigger("segment")

    def _plan(self, sockets: list[inet_diag.SocketEntry], now: int) -> None:
        timed = [int(entry["expires_ms"]) for entry in sockets if entry["timer"] != "off"]
        gap = self._gap
        self._gap = min(2 * gap, LONGEST_GAP_NS)
        if any(left == 0 for left in timed):
            self._overdue_since = self._overdue_since or now
            if now - self._overdue_since < OVERDUE_FOR_NS:
                gap = min(gap, CLOSE_GAP_NS)
        else:
            self._overdue_since = None
        if any(0 < left <= CLOSE_MS for left in timed):
            gap = min(gap, CLOSE_GAP_NS)
        due = min([now + gap, *(now + (left - CLOSE_MS) * 1_000_000 for left in timed if left > CLOSE_MS)])
        self._cancel()
        self._schedule(max(due, now + self._cost * SHARE), "timer" if timed else "beat")

    def _schedule(self, t_ns: int, cause: str) -> None:
        if self._next is not None and self._next.callback is not None:
            if self._next_at <= t_ns:
                return
            self._cancel()
        self._next_at = t_ns
        self._next = self._loop.at(t_ns, lambda: self._due(cause))

    def _due(self, cause: str) -> None:
        self._next = None
        self.look(cause)

    def _cancel(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None


def _still(entry: inet_diag.SocketEntry) -> dict[str, object]:
    return {key: value for key, value in entry.items() if key != "expires_ms"}
