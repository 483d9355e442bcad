"""Rate: a slow link with a queue in front of it."""

import random
from collections import deque
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import DROPPED, NS, QUEUE, Decision, Fault, Netem, Rule, passed


@dataclass(frozen=True, repr=False)
class Rate(Fault):
    """Delivers ``bits_per_second``, one frame after the other; if ``limit`` frames wait, the next is dropped.

    A frame's length includes its Ethernet header, as in netem. The limit counts the frame that is being sent and those
    behind it, but not those that a Delay on the same port holds. netem counts both, so it is used for both
    faults only where these are few. When a Rate replaces a Delay, netem first sends what the Delay still has.
    """

    name: ClassVar[str] = "rate"
    stage: ClassVar[int] = Fault.RATE
    can_lose: ClassVar[bool] = True
    can_delay: ClassVar[bool] = True

    bits_per_second: float
    limit: int = 1000

    def check_fields(self) -> None:
        self._check("bits_per_second", 1e3, 1e11, "bit/s")
        self._check("limit", 1, QUEUE, "frames", integer=True)

    def netem(self) -> Netem:
        rate_bps = round(self.bits_per_second)
        return Netem(rate_bps=rate_bps, limit=self.limit)

    def relay(self, rng: random.Random) -> Rule:
        ns_per_byte = 8 * NS / self.bits_per_second
        leaving: deque[int] = deque()  # when each frame in the queue has been sent, in ns

        def rule(frame: bytes, at: int) -> Decision:
            while leaving and leaving[0] <= at:
                leaving.popleft()
            if len(leaving) >= self.limit:
                return DROPPED
            start = leaving[-1] if leaving else at
            duration = round(len(frame) * ns_per_byte)
            end = start + duration
            leaving.append(end)
            return passed(frame, end)

        return rule
