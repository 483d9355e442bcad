"""Loss: some frames are lost at random, independently of each other."""

import random
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import DROPPED, Decision, Fault, Netem, Rule, passed


@dataclass(frozen=True, repr=False)
class Loss(Fault):
    """Drops each frame with ``probability`` (0 to 1), independently of other frames."""

    name: ClassVar[str] = "loss"
    stage: ClassVar[int] = Fault.DROP
    can_lose: ClassVar[bool] = True

    probability: float

    def check_fields(self) -> None:
        self._check("probability", 0, 1)

    def netem(self) -> Netem:
        return Netem(loss=self.probability)

    def relay(self, rng: random.Random) -> Rule:
        def rule(frame: bytes, at: int) -> Decision:
            if rng.random() < self.probability:
                return DROPPED
            return passed(frame, at)

        return rule
