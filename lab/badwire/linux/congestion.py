"""Reno's congestion window as the literature gives it, for the bounds of claims; windows are in segments."""

import math
from collections.abc import Iterable
from itertools import product

INFINITE = 0x7FFFFFFF  # include/net/tcp.h TCP_INFINITE_SSTHRESH: slow start has no end yet


def window_after(acked: int, initial: int, ssthresh: int = INFINITE) -> int:
    """Reno's window when ``acked`` segments were acknowledged and none was lost (RFC 5681 section 3.1).

    Below ``ssthresh`` each acknowledged segment widens the window by one, so that it doubles in a round trip. From
    there on a whole window of them widens it by one. Linux counts segments, not acknowledgments (net/ipv4/tcp_cong.c
    tcp_slow_start, tcp_cong_avoid_ai).
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
    """Reno's ssthresh after a loss; never below two (net/ipv4/tcp_cong.c tcp_reno_ssthresh; RFC 5681 equation 4)."""
    return max(window // 2, 2)


def sawtooth(every: float) -> float:
    """Round trips from one loss to the next when one in ``every`` segments is lost.

    The window grows from W/2 to W, by one each round trip, and 3/8 of W squared segments are sent meanwhile (Mathis,
    Semke, Mahdavi and Ott 1997, section 2). The round trips in which a loss is detected and repaired are not included.
    """
    return math.sqrt(2 * every / 3)


def slope(points: list[tuple[float, float]]) -> float:
    """The exponent n of y = a * x**n that fits best: the slope of a straight line in logarithms, by least squares."""
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
    """The smallest and the largest possible ``slope`` of points whose y is known only within bounds.

    Each point is x, the smallest y and the largest y.
    """
    xs = []
    bounds = []
    for x, least, most in points:
        xs.append(x)
        bounds.append((least, most))
    found = []
    for ys in product(*bounds):
        line = zip(xs, ys, strict=True)
        found.append(slope(list(line)))
    return min(found), max(found)
