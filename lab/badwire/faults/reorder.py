"""Reorder: some frames overtake earlier ones."""

import random
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import LONGEST_DELAY, NS, Decision, Fault, Netem, Rule, passed


@dataclass(frozen=True, repr=False)
class Reorder(Fault):
    """Delays every frame by ``by`` seconds, but with ``probability`` (0 to 1) not at all.

    So a frame overtakes those that were sent up to ``by`` seconds before it; frames that are further apart stay in
    order. This is how netem does it; together with a Delay or a Rate it needs the relay.
    """

    name: ClassVar[str] = "reorder"
    stage: ClassVar[int] = Fault.REORDER
    can_delay: ClassVar[bool] = True

    probability: float
    by: float = 0.01

    def check_fields(self) -> None:
        self._check("probability", 0, 1)
        self._check("by", 1e-6, LONGEST_DELAY, "s")

    def netem(self) -> Netem:
        delay_ns = round(self.by * NS)
        if not self.probability:
            return Netem(delay_ns=delay_ns)
        return Netem(delay_ns=delay_ns, reorder=self.probability, gap=1)

    def relay(self, rng: random.Random) -> Rule:
        by_ns = round(self.by * NS)

        def rule(frame: bytes, at: int) -> Decision:
            if rng.random() < self.probability:
                return "reorder", ((frame, at),)
            return passed(frame, at + by_ns)

        return rule
