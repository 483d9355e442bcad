"""What the books say about Reno's congestion window: numbers for a claim's bounds, windows in segments."""

import math
from collections.abc import Iterable
from itertools import product

INFINITE = 0x7FFFFFFF  # include/net/tcp.h TCP_INFINITE_SSTHRESH: slow start has no end yet


def window_after(acked: int, initial: int, ssthresh: int = INFINITE) -> int:
    """Reno's window when ``acked`` segments were acknowledged and none was lost (RFC 5681 section 3.1).

    Below ``ssthresh`` each of them widens it by one, so that it doubles in a round trip; from there on it takes a whole
    window of them. Linux counts segments, not acknowledgments (net/ipv4/tcp_cong.c tcp_slow_start, tcp_cong_avoid_ai).
    """
    window, count = initial, 0
    for _ in range(acked):
        count += 1
        if window < ssthresh or count == window:
            window, count = window + 1, 0
    return window


def halved(window: int) -> int:
    """Reno's ssthresh after a loss; never below two (net/ipv4/tcp_cong.c tcp_reno_ssthresh; RFC 5681 equation 4)."""
    return max(window // 2, 2)


def sawtooth(every: float) -> float:
    """Round trips from one loss to the next when one in ``every`` segments is lost.

    The window grows from W/2 to W, by one each round trip, and 3/8 of W squared segments are sent meanwhile (Mathis,
    Semke, Mahdavi and Ott 1997, section 2). The round trips in which a loss is noticed and repaired come on top.
    """
    return math.sqrt(2 * every / 3)


def slope(points: list[tuple[float, float]]) -> float:
    """The exponent n of y = a * x**n that fits best: the slope of a straight line in logarithms, by least squares."""
    xs, ys = ([math.log(each) for each in column] for column in zip(*points, strict=True))
    middle, height = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((x - middle) * (y - height) for x, y in zip(xs, ys, strict=True))
    return across / sum((x - middle) ** 2 for x in xs)


def slopes(points: Iterable[tuple[float, float, float]]) -> tuple[float, float]:
    """The flattest and the steepest that ``slope`` can be, from x with the least and the most that each y may be."""
    xs, *bounds = zip(*points, strict=True)
    found = [slope(list(zip(xs, ys, strict=True))) for ys in product(*zip(*bounds, strict=True))]
    return min(found), max(found)
