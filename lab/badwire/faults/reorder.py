"""Reorder: some frames overtake those before them."""

import random
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import LONGEST_DELAY, NS, Decision, Fault, Netem, Rule, passed


@dataclass(frozen=True)
class Reorder(Fault):
    """Delays every frame by ``by`` seconds, except that with ``probability`` (0 to 1) one goes at once.

    So a frame overtakes those that were sent up to ``by`` seconds before it; where frames are further apart than that,
    none is overtaken. This is netem's way; with a Delay or a Rate beside it the relay is needed.
    """

    name: ClassVar[str] = "reorder"
    stage: ClassVar[int] = Fault.REORDER
    can_delay: ClassVar[bool] = True

    probability: float
    by: float = 0.01

    def __post_init__(self) -> None:
        self._check("probability", 0, 1)
        self._check("by", 1e-6, LONGEST_DELAY, "s")

    def netem(self) -> Netem:
        if not self.probability:
            return Netem(delay_ns=round(self.by * NS))
        return Netem(delay_ns=round(self.by * NS), reorder=self.probability, gap=1)

    def relay(self, rng: random.Random) -> Rule:
        by_ns = round(self.by * NS)

        def rule(frame: bytes, at: int) -> Decision:
            if rng.random() < self.probability:
                return "reorder", ((frame, at),)
            return passed(frame, at + by_ns)

        return rule
