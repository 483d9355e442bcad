"""What the Linux kernel's sources say about its timers: numbers that a claim's bounds may stand on.

Times in seconds. Each constant names the file and the symbol that it was read from.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from lab.agent.timerwheel import granularity

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
TW_REUSE_DELAY = 1.0  # net/ipv4/tcp_ipv4.c tcp_twsk_unique: a waiting connection is reused after a second
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

    def syn_intervals(self, retries: int = SYN_RETRIES, linear: str | int | None = None) -> tuple[float, ...]:
        """The waits after each SYN that nobody answers; the last ends in ETIMEDOUT (tcp_retransmit_timer).

        Six retries and no linear ones: 1, 2, 4, 8, 16, 32, 64 s (tcp_syn_retries, tcp_syn_linear_timeouts).
        """
        same = self.syn_linear_timeouts(linear)
        return (RTO_INITIAL,) * same + backoff(RTO_INITIAL, retries + 1)


def backoff(first: float, count: int, most: float = RTO_MAX) -> tuple[float, ...]:
    """``count`` waits that double from ``first`` and stay at ``most`` (RFC 6298 section 5.5)."""
    return tuple(min(first * 2**n, most) for n in range(count))


def sent_at(intervals: Iterable[float]) -> tuple[float, ...]:
    """The instants at which something is sent, from 0 on, when ``intervals`` are the waits between."""
    return tuple(accumulate(intervals, initial=0.0))
