"""Bounds for random results, which a correct engine exceeds in one of a million measurements."""

import math
from functools import cache

RISK = 1e-6


@cache
def most_likely(count: int, probability: float) -> tuple[int, int]:
    """The fewest and the most of ``count`` that happen with ``probability`` each: exact, two-sided, by the binomial.

    Fewer have a probability of at most RISK / 2, and so have more.
    """
    if probability in (0.0, 1.0):
        return (round(count * probability),) * 2

    def weight(k: int) -> float:
        ways = math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        return math.exp(ways + k * math.log(probability) + (count - k) * math.log1p(-probability))

    low, below = 0, weight(0)
    while below <= RISK / 2:
        low += 1
        below += weight(low)
    high, above = count, weight(count)
    while above <= RISK / 2:
        high -= 1
        above += weight(high)
    return low, high


def likely(found: int, count: int, probability: float) -> bool:
    low, high = most_likely(count, probability)
    return low <= found <= high


def few(found: int, count: int, probability: float) -> bool:
    """Not more than is likely."""
    return found <= most_likely(count, probability)[1]
