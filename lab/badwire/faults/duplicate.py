"""Duplicate: some frames arrive twice."""

import random
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import Decision, Fault, Netem, Rule, passed


@dataclass(frozen=True, repr=False)
class Duplicate(Fault):
    """Sends a copy after the frame with ``probability`` (0 to 1).

    A Corrupt or a Delay on the same port then applies to frame and copy independently. A Loss drops a frame before it
    is copied; netem would deliver one of the two, so it is not used for both faults.
    """

    name: ClassVar[str] = "duplicate"
    stage: ClassVar[int] = Fault.DUPLICATE

    probability: float

    def check_fields(self) -> None:
        self._check("probability", 0, 1)

    def netem(self) -> Netem:
        return Netem(duplicate=self.probability)

    def relay(self, rng: random.Random) -> Rule:
        def rule(frame: bytes, at: int) -> Decision:
            if rng.random() < self.probability:
                return "duplicate", ((frame, at), (frame, at))
            return passed(frame, at)

        return rule
