"""Formulas for Reno's congestion window, from which claims derive their bounds. Windows are in segments."""

import math
from collections.abc import Iterable
from itertools import product

INFINITE = 0x7FFFFFFF  # include/net/tcp.h TCP_INFINITE_SSTHRESH: no loss has limited slow start yet


def window_after(acked: int, initial: int, ssthresh: int = INFINITE) -> int:
    """Reno's window after ``acked`` segments were acknowledged and none was lost (RFC 5681 section 3.1).

    Below ``ssthresh``, each acknowledged segment increases the window by one, so the window doubles in a round trip. At
    ``ssthresh`` and above, each full window of acknowledged segments increases it by one. Linux counts segments, not
    acknowledgments (net/ipv4/tcp_cong.c tcp_slow_start, tcp_cong_avoid_ai).

    Args:
        initial: the window before the first acknowledgment.
    """
    window = initial
    count = 0  # segments acknowledged since the window last grew
    for _ in range(acked):
        count += 1
        in_slow_start = window < ssthresh
        if in_slow_start or count == window:
            window += 1
            count = 0
    return window


def halved(window: int) -> int:
    """Reno's ssthresh after a loss: half the window, and at least two.

    Sources: RFC 5681 equation 4; net/ipv4/tcp_cong.c tcp_reno_ssthresh.
    """
    return max(window // 2, 2)


def sawtooth(every: float) -> float:
    """The number of round trips between two losses if one in ``every`` segments is lost.

    The window grows from W/2 to W by one per round trip, and 3/8 W**2 segments are sent in that time (Mathis, Semke,
    Mahdavi and Ott 1997, section 2). The round trips in which a loss is detected and repaired are not included.
    """
    return math.sqrt(2 * every / 3)


def slope(points: list[tuple[float, float]]) -> float:
    """The exponent n of the y = a * x**n that fits the points best: a least-squares line through their logarithms.

    Raises:
        ValueError: a coordinate is not positive.
    """
    xs = [math.log(x) for x, _ in points]
    ys = [math.log(y) for _, y in points]
    middle = sum(xs) / len(xs)
    height = sum(ys) / len(ys)
    products = 0.0
    squares = 0.0
    for x, y in zip(xs, ys, strict=True):
        distance = x - middle
        products += distance * (y - height)
        squares += distance**2
    return products / squares


def slopes(points: Iterable[tuple[float, float, float]]) -> tuple[float, float]:
    """The smallest and the largest ``slope`` of points whose y is known only within bounds.

    Each point is (x, smallest y, largest y). It computes the slope of every combination of bounds, 2**n for n points.
    """
    xs = []
    bounds = []
    for x, least, most in points:
        xs.append(x)
        bounds.append((least, most))
    found = []
    for ys in product(*bounds):
        combination = list(zip(xs, ys, strict=True))
        found.append(slope(combination))
    return min(found), max(found)
