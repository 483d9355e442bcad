"""A clock for limits on real time: it stops while processes of this machine wait for a processor.

"Gone within 2 s" is a promise about the lab, and not about what else the machine has to do meanwhile, or about how much
of a processor a container gives to these tests.
"""

import time
from pathlib import Path

PRESSURE = Path("/proc/pressure/cpu")  # Documentation/accounting/psi.rst; a container's quota counts as waiting, too
HANG = 120.0  # seconds; a limit for what should end by itself, which only a hang comes near


def undisturbed() -> float:
    """Seconds on that clock; those of the monotonic clock if the kernel does not report who waits."""
    return time.monotonic() - _waited()


def _waited() -> float:
    """Seconds since boot in which some process waited for a processor."""
    try:
        some = PRESSURE.read_text().splitlines()[0]
    except OSError:
        return 0.0
    return int(some.rpartition("total=")[2]) / 1e6


class Deadline:
    """So many seconds from now on that clock, and never more than HANG."""

    def __init__(self, seconds: float) -> None:
        self._end, self._at_the_latest = undisturbed() + seconds, time.monotonic() + HANG

    def left(self) -> float:
        """Seconds until then, at least; 0 or less if it is over."""
        return min(self._end - undisturbed(), self._at_the_latest - time.monotonic())
