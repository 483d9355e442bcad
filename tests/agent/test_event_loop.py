"""The loop calls back for descriptors, times and other threads, and for nothing that was cancelled."""

import os
import signal
import socket
import threading
import time
from functools import partial

from badwire.agent.event_loop import Loop


def test_timers_fire_in_the_order_of_their_times_and_never_early() -> None:
    loop = Loop()
    fired: list[tuple[int, int]] = []

    def fire(due: int) -> None:
        fired.append((due, time.monotonic_ns()))

    start = time.monotonic_ns()
    for milliseconds in (30, 10, 20):
        due = start + milliseconds * 1_000_000
        loop.at(due, partial(fire, due))
    loop.at(start + 40_000_000, loop.stop)
    loop.run()
    assert [due for due, _ in fired] == sorted(due for due, _ in fired)
    assert all(now >= due for due, now in fired)


def test_a_cancelled_timer_does_not_fire() -> None:
    loop, fired = Loop(), []
    loop.at(time.monotonic_ns(), lambda: fired.append("cancelled")).cancel()
    loop.at(time.monotonic_ns() + 1_000_000, loop.stop)
    loop.run()
    assert fired == []


def test_a_descriptor_is_read_until_it_is_forgotten() -> None:
    loop = Loop()
    reading, writing = os.pipe()
    taken = []

    def read() -> None:
        taken.append(os.read(reading, 1))
        if len(taken) == 2:
            loop.forget(reading)
            loop.at(time.monotonic_ns() + 5_000_000, loop.stop)

    loop.reader(reading, read)
    os.write(writing, b"abc")
    loop.run()
    assert taken == [b"a", b"b"]
    for fd in (reading, writing):
        os.close(fd)


def test_another_thread_and_a_signal_handler_can_wake_it() -> None:
    loop, called = Loop(), []

    def call(who: str) -> None:
        called.append(who)
        if len(called) == 2:
            loop.stop()

    before = signal.signal(signal.SIGUSR1, lambda *_: loop.from_thread(lambda: call("signal")))
    try:
        threading.Thread(target=lambda: loop.from_thread(lambda: call("thread"))).start()
        os.kill(os.getpid(), signal.SIGUSR1)
        loop.run()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert sorted(called) == ["signal", "thread"]


def test_a_writer_is_called_when_there_is_room_and_when_nobody_reads_any_more() -> None:
    loop, (ours, theirs) = Loop(), socket.socketpair()
    called: list[str] = []

    def write() -> None:
        called.append("room")
        loop.writer(ours.fileno(), gone)
        theirs.close()

    def gone() -> None:
        called.append("gone")
        loop.forget(ours.fileno())
        loop.stop()

    loop.writer(ours.fileno(), write)
    loop.run()
    assert called == ["room", "gone"]
    ours.close()
