"""The timers of the Linux kernel: their durations, and how late they may fire.

Times are in seconds. The comment on each constant names its file and symbol in the kernel's source.

A timer fires late because of the timer wheel (kernel/time/timer.c). The wheel has levels of 64 slots, and each level's
slots are eight times as wide as those of the level below.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

LVL_CLK_SHIFT = 3
LVL_SIZE = 64
LVL_DEPTH = 9


def level(jiffies: int) -> int:
    """The level in the timer wheel of a timer that expires in ``jiffies`` (calc_wheel_index, LVL_START, LVL_DEPTH)."""
    for number in range(LVL_DEPTH - 1):
        shift = number * LVL_CLK_SHIFT
        start_of_next = (LVL_SIZE - 1) << shift
        if jiffies < start_of_next:
            return number
    return LVL_DEPTH - 1


def granularity(jiffies: int) -> int:
    """The width in jiffies of that timer's slot (LVL_GRAN): its expiry is rounded up by at most this much."""
    shift = level(jiffies) * LVL_CLK_SHIFT
    return 1 << shift


TIMEWAIT_LEN = 60.0  # include/net/tcp.h TCP_TIMEWAIT_LEN; compiled in
RTO_INITIAL = 1.0  # include/net/tcp.h TCP_TIMEOUT_INIT; RFC 6298 section 2.1
RTO_MIN = 0.2  # include/net/tcp.h TCP_RTO_MIN; a route or, from 6.11 on, tcp_rto_min_us can change it
RTO_MAX = 120.0  # include/net/tcp.h TCP_RTO_MAX; tcp_rto_max_ms, from 6.15 on, can change it
DELAYED_ACK_MIN = 0.04  # include/net/tcp.h TCP_DELACK_MIN, HZ/25
DELAYED_ACK_MAX = 0.2  # include/net/tcp.h TCP_DELACK_MAX, HZ/5
INITIAL_WINDOW = 10  # segments; include/net/tcp.h TCP_INIT_CWND, RFC 6928
FIN_TIMEOUT = 60.0  # include/net/tcp.h TCP_FIN_TIMEOUT, the default of tcp_fin_timeout
SYN_RETRIES = 6  # include/net/tcp.h TCP_SYN_RETRIES, the default of tcp_syn_retries
SYNACK_RETRIES = 5  # include/net/tcp.h TCP_SYNACK_RETRIES, the default of tcp_synack_retries
RETRIES2 = 15  # include/net/tcp.h TCP_RETR2, the default of tcp_retries2
KEEPALIVE_TIME = 7200.0  # include/net/tcp.h TCP_KEEPALIVE_TIME
KEEPALIVE_INTERVAL = 75.0  # include/net/tcp.h TCP_KEEPALIVE_INTVL
KEEPALIVE_PROBES = 9  # include/net/tcp.h TCP_KEEPALIVE_PROBES
TW_REUSE_DELAY = 1.0  # net/ipv4/tcp_ipv4.c tcp_sk_init, the default of tcp_tw_reuse_delay
TW_REUSE_IN_MS_SINCE = (6, 14)  # the first release whose tcp_twsk_unique counts in ms, not in seconds
TIMESTAMP_STEP = 0.001  # include/net/tcp.h TCP_TS_HZ; a duration computed from TCP timestamps may be too long by this
SYN_LINEAR_SINCE = (6, 5)  # the first release with tcp_syn_linear_timeouts
SYN_LINEAR_TIMEOUTS = 4  # its default, net/ipv4/tcp_ipv4.c tcp_sk_init


@dataclass(frozen=True)
class KernelFacts:
    """The kernel of a run: ``release`` and ``machine`` as in uname(2), ``hz`` in ticks per second."""

    release: str
    hz: int
    machine: str = ""

    @property
    def version(self) -> tuple[int, int]:
        """The first two numbers of the release, to be compared with constants such as SYN_LINEAR_SINCE."""
        numbers, _, _ = self.release.partition("-")
        major, minor = numbers.split(".")[:2]
        return int(major), int(minor)

    def timer_step(self, duration: float) -> float:
        """How late, in seconds, a timer of ``duration`` seconds may fire; it never fires early (timer.c calc_index)."""
        jiffies = round(duration * self.hz)
        return granularity(jiffies) / self.hz

    def latest(self, *durations: float) -> float:
        """The latest time, in seconds, by which timers that run one after another have all fired.

        Each timer is rounded up separately. It may fire another tick later, if its processor checks the wheel before
        another processor has counted the tick. (Measured on two processors at HZ=250: 22 of 1,200 retransmissions
        under load were 4.0 ms later than ``timer_step`` allows.)
        """
        tick = 1 / self.hz
        total = 0.0
        for duration in durations:
            total += duration + self.timer_step(duration) + tick
        return total

    def syn_linear_timeouts(self, sysctl: str | int | None = None) -> int:
        """The number of SYN retransmissions at the initial interval, before it doubles.

        ``sysctl`` is the recorded value of tcp_syn_linear_timeouts; None means the default of this release.
        """
        if sysctl is not None:
            return int(sysctl)
        if self.version >= SYN_LINEAR_SINCE:
            return SYN_LINEAR_TIMEOUTS
        return 0

    def windows(self, *durations: float) -> tuple[tuple[float, float], ...]:
        """For each of the timers, after how many seconds it fires at the earliest and at the latest."""
        found = []
        for duration in durations:
            latest = self.latest(duration)
            found.append((duration, latest))
        return tuple(found)

    def syn_intervals(self, retries: int = SYN_RETRIES, linear: str | int | None = None) -> tuple[float, ...]:
        """The wait in seconds after each unanswered SYN; the last wait ends in ETIMEDOUT (tcp_retransmit_timer).

        With six retries (tcp_syn_retries) and no linear timeouts: 1, 2, 4, 8, 16, 32, 64 s. Linear timeouts
        (``linear``, the value of tcp_syn_linear_timeouts) allow more SYNs, but not more time. With many linear timeouts
        and few retries, the time limit is reached first (tcp_write_timeout checks both).
        """
        number = self.syn_linear_timeouts(linear)
        linear_waits = (RTO_INITIAL,) * number
        doubling_waits = backoff(RTO_INITIAL, retries + 1)
        time_allowed = allowed(retries, RTO_INITIAL)
        return reaching(time_allowed, linear_waits + doubling_waits)

    def reusable_after(self, entered: float) -> float:
        """When a connection that entered TIME_WAIT at ``entered`` may be reused (tcp_tw_reuse, tcp_twsk_unique).

        Both times are in seconds of the monotonic clock. From 6.14 on the kernel waits one second; older kernels wait
        until the clock's next full second. The result is infinite for a connection that entered TIME_WAIT in the
        clock's first second, which is never reused: the kernel stores the time of the last timestamp in whole seconds,
        and 0 means that there was none.
        """
        if entered < 1:
            return math.inf
        if self.version >= TW_REUSE_IN_MS_SINCE:
            return entered + TW_REUSE_DELAY
        return math.floor(entered) + 1.0


def backoff(first: float, count: int, most: float = RTO_MAX) -> tuple[float, ...]:
    """``count`` waits in seconds, which double from ``first`` up to ``most`` (RFC 6298 section 5.5)."""
    waits = []
    wait = first
    for _ in range(count):
        waits.append(min(wait, most))
        wait *= 2
    return tuple(waits)


def allowed(retries: int, first: float = RTO_MIN) -> float:
    """The time in seconds after which Linux abandons a connection whose limit is ``retries`` retransmissions.

    Linux limits the elapsed time, not the count. The limit is the time that the retransmissions would take with an
    initial RTO of ``first``, whatever the actual RTO is. It counts from the first retransmission, or from the first SYN
    (retransmits_timed_out, tcp_model_timeout).
    """
    waits = backoff(first, retries + 1)
    return sum(waits)


def reaching(total: float, intervals: Iterable[float]) -> tuple[float, ...]:
    """The leading intervals, in seconds, up to and including the one in which their sum reaches ``total`` seconds."""
    found: list[float] = []
    for interval in intervals:
        if sum(found) < total:
            found.append(interval)
    return tuple(found)


def keepalive_waits(
    idle: float = KEEPALIVE_TIME,
    interval: float = KEEPALIVE_INTERVAL,
    probes: int = KEEPALIVE_PROBES,
) -> tuple[float, ...]:
    """The wait in seconds before each unanswered probe; one more wait ends in ETIMEDOUT (tcp_keepalive_timer)."""
    between_probes = (interval,) * probes
    return (idle, *between_probes)


def octaves(*durations: float) -> tuple[tuple[float, float], ...]:
    """For each of the timers, its duration and twice its duration, which is the next step of a back-off, in seconds.

    Used as bounds on the real clock, where a busy machine may run a timer's work later than KernelFacts.latest allows.
    """
    found = []
    for duration in durations:
        longest = 2 * duration
        found.append((duration, longest))
    return tuple(found)


def sent_at(intervals: Iterable[float]) -> tuple[float, ...]:
    """When segments are sent, in seconds after the first one, given the ``intervals`` between them."""
    instants = accumulate(intervals, initial=0.0)
    return tuple(instants)
