"""What the Linux kernel's sources say about its timers: numbers that a claim's bounds may stand on.

Times in seconds. Each constant names the file and the symbol that it was read from.

The kernel's timer wheel (kernel/time/timer.c): how much later than asked for a timer may fire.

The wheel has levels of 64 slots, each level's slots eight times as wide as the one below.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

LVL_CLK_SHIFT = 3
LVL_SIZE = 64


def level(jiffies: int) -> int:
    """The level of the timer wheel that a timer so far ahead is put into (calc_wheel_index, LVL_START, LVL_DEPTH)."""
    depth = 9
    return next((n for n in range(depth - 1) if jiffies < (LVL_SIZE - 1) << (n * LVL_CLK_SHIFT)), depth - 1)


def granularity(jiffies: int) -> int:
    """The width of a slot on that level, in jiffies (LVL_GRAN): the timer is rounded up by at most that much."""
    return 1 << (level(jiffies) * LVL_CLK_SHIFT)


TIMEWAIT_LEN = 60.0  # include/net/tcp.h TCP_TIMEWAIT_LEN; compiled in
RTO_INITIAL = 1.0  # include/net/tcp.h TCP_TIMEOUT_INIT; RFC 6298 section 2.1
RTO_MIN = 0.2  # include/net/tcp.h TCP_RTO_MIN; a route, or tcp_rto_min_us from 6.11 on, may set another
RTO_MAX = 120.0  # include/net/tcp.h TCP_RTO_MAX; tcp_rto_max_ms from 6.15 on may set another
DELAYED_ACK_MIN = 0.04  # include/net/tcp.h TCP_DELACK_MIN, HZ/25
DELAYED_ACK_MAX = 0.2  # include/net/tcp.h TCP_DELACK_MAX, HZ/5
INITIAL_WINDOW = 10  # segments; include/net/tcp.h TCP_INIT_CWND, RFC 6928
FIN_TIMEOUT = 60.0  # include/net/tcp.h TCP_FIN_TIMEOUT, the default of tcp_fin_timeout
SYN_RETRIES = 6  # include/net/tcp.h TCP_SYN_RETRIES, the default of tcp_syn_retries
SYNACK_RETRIES = 5  # include/net/tcp.h TCP_SYNACK_RETRIES, the default of tcp_synack_retries
RETRIES2 = 15  # include/net/tcp.h TCP_RETR2, the default of tcp_retries2
KEEPALIVE_TIME, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES = 7200.0, 75.0, 9  # include/net/tcp.h TCP_KEEPALIVE_*
TW_REUSE_DELAY = 1.0  # net/ipv4/tcp_ipv4.c tcp_sk_init, the default of tcp_tw_reuse_delay
TW_REUSE_IN_MS_SINCE = (6, 14)  # the release from which on tcp_twsk_unique counts milliseconds and not whole seconds
TIMESTAMP_STEP = 0.001  # include/net/tcp.h TCP_TS_HZ: what is reckoned from TCP's timestamps may be so much too long
SYN_LINEAR_SINCE = (6, 5)  # the release that brought tcp_syn_linear_timeouts
SYN_LINEAR_TIMEOUTS = 4  # its default, net/ipv4/tcp_ipv4.c tcp_sk_init


@dataclass(frozen=True)
class KernelFacts:
    """The kernel that a run ran on: ``release`` as uname gives it, ``hz`` its ticks a second."""

    release: str
    hz: int
    machine: str = ""

    @property
    def version(self) -> tuple[int, int]:
        """The release's first two numbers, for "from 6.5 on"."""
        major, minor = self.release.split("-")[0].split(".")[:2]
        return int(major), int(minor)

    def timer_step(self, duration: float) -> float:
        """How late a timer of ``duration`` seconds may fire; it is never early (timer.c, calc_index rounds up)."""
        return granularity(round(duration * self.hz)) / self.hz

    def latest(self, *durations: float) -> float:
        """When timers that follow one another have fired at the latest: each is rounded by itself, and may be a tick
        later still, where its processor looks at the wheel before another one has counted the tick. (Measured on two
        processors at HZ=250: 22 of 1,200 retransmissions under load came 4.0 ms after the end of their step.)
        """
        return sum(duration + self.timer_step(duration) + 1 / self.hz for duration in durations)

    def syn_linear_timeouts(self, sysctl: str | int | None = None) -> int:
        """How many SYNs follow at the first interval before it begins to double; ``sysctl`` is the value on record."""
        if sysctl is not None:
            return int(sysctl)
        return SYN_LINEAR_TIMEOUTS if self.version >= SYN_LINEAR_SINCE else 0

    def windows(self, *durations: float) -> tuple[tuple[float, float], ...]:
        """For timers that follow one another: after how many seconds each fires, at the earliest and at the latest."""
        return tuple((duration, self.latest(duration)) for duration in durations)

    def syn_intervals(self, retries: int = SYN_RETRIES, linear: str | int | None = None) -> tuple[float, ...]:
        """The waits after each SYN that nobody answers; the last ends in ETIMEDOUT (tcp_retransmit_timer).

        Six retries and no linear ones: 1, 2, 4, 8, 16, 32, 64 s (tcp_syn_retries, tcp_syn_linear_timeouts). Linear
        ones come on top of the count, but not of the time that is allowed for it: where they are many and the retries
        few, that is over first (tcp_write_timeout asks for both).
        """
        same = self.syn_linear_timeouts(linear)
        return reaching(allowed(retries, RTO_INITIAL), (RTO_INITIAL,) * same + backoff(RTO_INITIAL, retries + 1))

    def reusable_after(self, entered: float) -> float:
        """When a connection that entered TIME_WAIT at ``entered`` may be reused (tcp_tw_reuse, tcp_twsk_unique).

        Seconds of the monotonic clock. A second later; before 6.14 as soon as the clock's next whole second begins. One
        of the clock's first second never is: its timestamp's age is kept in whole seconds, and 0 stands for none.
        """
        if entered < 1:
            return math.inf
        return entered + TW_REUSE_DELAY if self.version >= TW_REUSE_IN_MS_SINCE else math.floor(entered) + 1.0


def backoff(first: float, count: int, most: float = RTO_MAX) -> tuple[float, ...]:
    """``count`` waits that double from ``first`` and stay at ``most`` (RFC 6298 section 5.5)."""
    return tuple(min(first * 2**n, most) for n in range(count))


def allowed(retries: int, first: float = RTO_MIN) -> float:
    """How long ``retries`` retransmissions may be in vain: not they are counted but the time that they would take from
    an RTO of ``first``, whatever it really is. It is reckoned from the first retransmission on, or from the first SYN
    (retransmits_timed_out, tcp_model_timeout).
    """
    return sum(backoff(first, retries + 1))


def reaching(total: float, intervals: Iterable[float]) -> tuple[float, ...]:
    """The first of ``intervals``, up to the one at whose end ``total`` seconds have passed."""
    found: list[float] = []
    for interval in intervals:
        if sum(found) < total:
            found.append(interval)
    return tuple(found)


def keepalive_waits(
    idle: float = KEEPALIVE_TIME, interval: float = KEEPALIVE_INTERVAL, probes: int = KEEPALIVE_PROBES
) -> tuple[float, ...]:
    """The waits before each probe that nobody answers; the last ends in ETIMEDOUT (tcp_keepalive_timer)."""
    return (idle,) + (interval,) * probes


def octaves(*durations: float) -> tuple[tuple[float, float], ...]:
    """For timers that follow one another: from each one's length to twice that, which is the next of a back-off.

    On the real clock, where a busy machine may do a timer's work late by more than KernelFacts.latest knows.
    """
    return tuple((duration, 2 * duration) for duration in durations)


def sent_at(intervals: Iterable[float]) -> tuple[float, ...]:
    """The instants at which something is sent, from 0 on, when ``intervals`` are the waits between."""
    return tuple(accumulate(intervals, initial=0.0))
