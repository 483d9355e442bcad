"""Duplicate: some frames arrive twice."""

import random
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import Decision, Fault, Netem, Rule, passed


@dataclass(frozen=True)
class Duplicate(Fault):
    """Sends a copy after the frame with ``probability`` (0 to 1).

    A Corrupt or a Delay beside it then treats frame and copy each by itself. A Loss takes a frame before it is copied;
    netem, which would let one of the two pass, is not used for both.
    """

    name: ClassVar[str] = "duplicate"
    stage: ClassVar[int] = Fault.DUPLICATE

    probability: float

    def __post_init__(self) -> None:
        self._check("probability", 0, 1)

    def netem(self) -> Netem:
        return Netem(duplicate=self.probability)

    def relay(self, rng: random.Random) -> Rule:
        def rule(frame: bytes, at: int) -> Decision:
            if rng.random() < self.probability:
                return "duplicate", ((frame, at), (frame, at))
            return passed(frame, at)

        return rule
