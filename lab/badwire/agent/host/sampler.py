"""When to look at the table of sockets.

A state changes on a segment, on a system call, or when a timer expires. A tap wakes us for each segment, and the table
itself tells when its timers expire. A system call that sends nothing shows in no event, and a segment is seen a moment
before TCP has dealt with it; so after every wake-up we look again at intervals that double, from 1 ms on, and stay in
proportion to how long it has been quiet. A timer is looked at more closely from a little before it expires until it
has: the kernel may fire it late by a step of its timer wheel, or be in time when we are late, and then the look before
must not be long ago. Waiting costs nothing on the virtual clock; looking does, on both.
"""

import ctypes
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from badwire.agent.event_loop import Loop, Timer
from badwire.agent.host import inet_diag
from badwire.agent.host.system import CLOCK_MONOTONIC_COARSE
from badwire.linux.timers import granularity
from badwire.util.jsonlines import Message

FIRST_GAP_NS = 1_000_000
BEAT_NS = 1_000_000_000  # gaps double up to this, and then up to a sixteenth of the quiet time
QUIET_SHARE = 16
CLOSE_GAP_NS = 10_000_000
CLOSE_NS = 100_000_000  # before a timer expires: we were late by up to 40 ms with both cores kept busy
CLOSE_SHARE = 8  # of a short timer's length
STEP_SHARE = 64  # of the wheel's step: so fine is a late timer seen
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


Key = tuple[object, ...]


def _key(entry: inet_diag.SocketEntry) -> Key:
    return (*entry["local"], *entry["remote"], entry["state"], entry["timer"])


@dataclass(frozen=True)
class Running:
    """A timer of a socket: how long it was when it was first seen, and when it is due; ns."""

    length: int
    due: int

    @classmethod
    def seen(cls, before: "Running | None", now: int, left: int) -> "Running":
        """The timer as it is now; one with no time ``left`` is due when it was, and one with more than that is new."""
        if before is None or (left and left > before.due - now + CLOSE_NS):
            return cls(left, now + left)
        return cls(before.length, now + left if left else min(before.due, now))

    def next_look(self, now: int, jiffy: int) -> int | None:
        """When to look because of it: before it is due, then until it must have fired; None once it must have."""
        close = max(FIRST_GAP_NS, min(CLOSE_NS, self.length // CLOSE_SHARE))
        if now < self.due:
            return max(self.due - close, now + min(CLOSE_GAP_NS, close))
        step = granularity(self.length // jiffy) * jiffy
        latest = self.due + step + 2 * jiffy  # one for the tick, one for what expires_ms is rounded by
        return min(now + max(CLOSE_GAP_NS, step // STEP_SHARE), latest) if now < latest else None


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
        self._woken = self._looked
        self._jiffy = round(time.clock_getres(CLOCK_MONOTONIC_COARSE) * 1e9)  # it ticks once a jiffy
        self._timers: dict[Key, Running] = {}
        self._next: Timer | None = None
        self._next_at = 0
        self.watchers: list[Callable[[list[inet_diag.SocketEntry]], None]] = []

    def trigger(self, cause: str) -> None:
        """Something happened that may have changed the table."""
        self._gap, self._woken = FIRST_GAP_NS, time.monotonic_ns()
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
        gap, self._gap = self._gap, min(2 * self._gap, max(BEAT_NS, (now - self._woken) // QUIET_SHARE))
        self._timers = {
            key: Running.seen(self._timers.get(key), now, int(entry["expires_ms"]) * 1_000_000)
            for entry in sockets
            if entry["timer"] != "off" and (key := _key(entry))
        }
        wanted = [timer.next_look(now, self._jiffy) for timer in self._timers.values()]
        due = min([now + gap, *(t for t in wanted if t is not None)])
        self._cancel()
        self._schedule(max(due, now + self._cost * SHARE), "timer" if wanted else "beat")

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
