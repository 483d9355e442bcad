"""Decides when to sample the kernel's socket table, and reports what changed.

A state changes on a segment, on a system call, or when a timer expires. A packet socket wakes the sampler for each
segment, and the table itself says when its timers expire. A system call that sends nothing causes no event, and a
segment is reported shortly before TCP has processed it. So after every wake-up the sampler goes on at intervals that
double, from 1 ms on, up to a share of the time since that wake-up.

Around the expiry of a timer it samples more often: from shortly before, since the sampler may be late and the sample
before must then be recent, until the timer has fired, since the kernel may fire it late by a step of its timer wheel.

On the virtual clock waiting costs nothing; a sample costs processor time on both clocks.
"""

import ctypes
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from badwire.agent.event_loop import Loop, Timer
from badwire.agent.host import inet_diag
from badwire.agent.host.inet_diag import SocketEntry
from badwire.agent.host.system import CLOCK_MONOTONIC_COARSE, DOCKER_NAME_SERVER
from badwire.agent.host.table_changes import TableChanges
from badwire.linux.timers import granularity
from badwire.util.jsonlines import MessageHandler

MIN_INTERVAL_NS = 1_000_000
MAX_INTERVAL_NS = 1_000_000_000  # intervals double up to this, and then up to a share of the quiet time
QUIET_SHARE = 16  # a sixteenth of the time since the last wake-up
NEAR_EXPIRY_NS = 100_000_000  # before a timer expires: with both cores busy the sampler was late by up to 40 ms
NEAR_EXPIRY_INTERVAL_NS = 10_000_000
NEAR_EXPIRY_SHARE = 8  # an eighth of a short timer's length
WHEEL_SHARE = 64  # the firing of a late timer is seen within this share of the timer wheel's step
CPU_SHARE = 5  # sampling takes at most a fifth of one core

SO_ATTACH_FILTER = 26
_ETH_P_ALL = 0x0003
_BPF_INSTRUCTION = 8  # bytes
_ACCEPT_ONE_BYTE = struct.pack("HBBI", 0x06, 0, 0, 1)  # classic BPF: ret #1


def open_packet_socket() -> socket.socket:
    """A packet socket that becomes readable whenever a frame passes any interface of this network namespace."""
    # It is not bound, so it also receives from interfaces that are made later.
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
    packets = socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ALL))
    program = ctypes.create_string_buffer(_ACCEPT_ONE_BYTE, len(_ACCEPT_ONE_BYTE))
    instructions = len(_ACCEPT_ONE_BYTE) // _BPF_INSTRUCTION
    argument = struct.pack("HP", instructions, ctypes.addressof(program))  # struct sock_fprog
    packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, argument)
    return packets


TimerKey = tuple[object, ...]


def _timer_key(entry: SocketEntry) -> TimerKey:
    address, port = entry["local"]
    remote_address, remote_port = entry["remote"]
    return address, port, remote_address, remote_port, entry["state"], entry["timer"]


@dataclass(frozen=True)
class SocketTimer:
    """A running timer of a socket; times in ns.

    Attributes:
        length: the time that it had left when it was first sampled.
        due: when it expires, in CLOCK_MONOTONIC.
    """

    length: int
    due: int

    @classmethod
    def update(cls, before: "SocketTimer | None", now: int, left: int) -> "SocketTimer":
        """The timer in a sample taken at ``now`` that shows ``left`` ns until it expires.

        A timer with no time left keeps its due time; one with more time left than before has been restarted.
        """
        if before is None:
            return cls(left, now + left)
        if left == 0:
            return cls(before.length, min(before.due, now))
        if left > before.due - now + NEAR_EXPIRY_NS:
            return cls(left, now + left)
        return cls(before.length, now + left)

    def next_sample(self, now: int, jiffy: int) -> int | None:
        """When this timer needs the next sample; None once it must have fired.

        Args:
            jiffy: the kernel's tick, in ns.
        """
        if now < self.due:
            near = min(NEAR_EXPIRY_NS, self.length // NEAR_EXPIRY_SHARE)
            near = max(near, MIN_INTERVAL_NS)
            interval = min(near, NEAR_EXPIRY_INTERVAL_NS)
            return max(self.due - near, now + interval)
        step = granularity(self.length // jiffy) * jiffy
        latest = self.due + step + 2 * jiffy  # one for the tick, one for the rounding of expires_ms
        if now >= latest:
            return None
        interval = max(NEAR_EXPIRY_INTERVAL_NS, step // WHEEL_SHARE)
        return min(now + interval, latest)


class Sampler:
    """Samples the table when something may have changed; emits a sample that differs, or that was requested."""

    def __init__(self, loop: Loop, emit: MessageHandler) -> None:
        self._loop = loop
        self._emit = emit
        self._diag = inet_diag.open_diag()
        self._packets = open_packet_socket()
        loop.reader(self._packets.fileno(), self._on_segment)
        # Docker's resolver listens in a container before any program does; it is not part of the lab.
        present = inet_diag.table(self._diag)
        self._foreign = {entry["inode"] for entry in present if entry["local"][0] == DOCKER_NAME_SERVER}
        self._sampled_at = time.monotonic_ns()
        self._cost = 0  # ns of processor time that the last sample took
        self._interval = MIN_INTERVAL_NS
        self._woken_at = self._sampled_at
        jiffy = time.clock_getres(CLOCK_MONOTONIC_COARSE)  # seconds; that clock ticks once a jiffy
        self._jiffy = round(jiffy * 1e9)
        self._changes = TableChanges(self._jiffy)
        self._emitted = 0  # samples
        self._timers: dict[TimerKey, SocketTimer] = {}
        self._next: Timer | None = None
        self.watchers: list[Callable[[list[SocketEntry]], None]] = []

    def trigger(self, cause: str) -> None:
        """Sample soon: something happened that may have changed the table."""
        self._interval = MIN_INTERVAL_NS
        self._woken_at = time.monotonic_ns()
        earliest = self._sampled_at + self._cost * CPU_SHARE
        self._schedule(earliest, cause)

    def sample(self, cause: str) -> list[SocketEntry]:
        """Read the table now, and return it.

        What changed is emitted together with the time of the last sample that still showed the table before. With the
        cause "asked" a sample is always emitted, which records that nothing had changed until then.
        """
        started = time.monotonic_ns()
        cpu_before = time.thread_time_ns()
        entries = inet_diag.table(self._diag)
        sockets = [entry for entry in entries if entry["inode"] not in self._foreign]
        now = time.monotonic_ns()
        # Processor time and not elapsed time: another process on the core is no reason to sample less often.
        self._cost = time.thread_time_ns() - cpu_before
        change = self._changes.update(sockets, started, now)
        prev = started if change.is_empty else self._sampled_at
        if cause == "asked" or not change.is_empty:
            self._emitted += 1
            same = {"event": "sample", "t": now, "prev": prev, "cause": cause}
            self._emit({**same, "number": self._emitted, **change.fields})
        self._sampled_at = started
        for watcher in tuple(self.watchers):
            watcher(sockets)
        self._plan(sockets, now)
        return sockets

    def _on_segment(self) -> None:
        try:
            while True:
                self._packets.recv(1)
        except BlockingIOError:
            self.trigger("segment")

    def _plan(self, sockets: list[SocketEntry], now: int) -> None:
        due = now + self._interval
        quiet_time = now - self._woken_at
        longest = max(MAX_INTERVAL_NS, quiet_time // QUIET_SHARE)
        self._interval = min(2 * self._interval, longest)
        self._update_timers(sockets, now)
        for timer in self._timers.values():
            timer_sample = timer.next_sample(now, self._jiffy)
            if timer_sample is not None:
                due = min(due, timer_sample)
        earliest = now + self._cost * CPU_SHARE
        self._cancel()
        self._schedule(max(due, earliest), "timer" if self._timers else "interval")

    def _update_timers(self, sockets: list[SocketEntry], now: int) -> None:
        timers: dict[TimerKey, SocketTimer] = {}
        for entry in sockets:
            if entry["timer"] == "off":
                continue
            key = _timer_key(entry)
            before = self._timers.get(key)
            left = int(entry["expires_ms"]) * 1_000_000
            timers[key] = SocketTimer.update(before, now, left)
        self._timers = timers

    def _schedule(self, t_ns: int, cause: str) -> None:
        if self._next is not None:
            if self._next.due <= t_ns:
                return
            self._cancel()
        self._next = self._loop.at(t_ns, lambda: self._due(cause))

    def _due(self, cause: str) -> None:
        self._next = None
        self.sample(cause)

    def _cancel(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
