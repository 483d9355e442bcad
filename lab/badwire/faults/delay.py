"""Delay: frames arrive later."""

import random
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import LONGEST_DELAY, LONGEST_JITTER, NS, Decision, Fault, Netem, Rule, passed


@dataclass(frozen=True, repr=False)
class Delay(Fault):
    """Delivers each frame ``time`` seconds later, give or take ``jitter`` seconds.

    With jitter the delay of each frame is drawn independently, uniformly from ``time - jitter`` to ``time + jitter`` as
    in netem without a distribution table, so a frame can overtake another. A Rate on the same port keeps them in order.
    A jitter above 0.1 s needs the relay.
    """

    name: ClassVar[str] = "delay"
    stage: ClassVar[int] = Fault.DELAY
    can_delay: ClassVar[bool] = True

    time: float
    jitter: float = 0.0

    def check_fields(self) -> None:
        self._check("time", 0, LONGEST_DELAY, "s")
        longest_jitter = min(self.time, LONGEST_JITTER)
        self._check("jitter", 0, longest_jitter, "s")

    @property
    def time_ns(self) -> int:
        return round(self.time * NS)

    @property
    def jitter_ns(self) -> int:
        return round(self.jitter * NS)

    def netem(self) -> Netem:
        return Netem(delay_ns=self.time_ns, jitter_ns=self.jitter_ns)

    def relay(self, rng: random.Random) -> Rule:
        least = self.time_ns - self.jitter_ns
        width = 2 * self.jitter_ns

        def rule(frame: bytes, at: int) -> Decision:
            delay = least
            if width:
                delay += int(rng.random() * width)
            return passed(frame, at + delay)

        return rule
