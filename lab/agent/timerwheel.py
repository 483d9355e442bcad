"""The kernel's timer wheel (kernel/time/timer.c): how much later than asked for a timer may fire.

The wheel has levels of 64 slots, each level's slots eight times as wide as the one below.
"""

LVL_CLK_SHIFT = 3
LVL_SIZE = 64


def level(jiffies: int) -> int:
    """The level of the timer wheel that a timer so far ahead is put into (calc_wheel_index, LVL_START, LVL_DEPTH)."""
    depth = 9
    return next((n for n in range(depth - 1) if jiffies < (LVL_SIZE - 1) << (n * LVL_CLK_SHIFT)), depth - 1)


def granularity(jiffies: int) -> int:
    """The width of a slot on that level, in jiffies (LVL_GRAN): the timer is rounded up by at most that much."""
    return 1 << (level(jiffies) * LVL_CLK_SHIFT)
