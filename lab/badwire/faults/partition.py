"""Partition: no frame arrives."""

import random
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import DROPPED, Fault, Netem, Rule


@dataclass(frozen=True)
class Partition(Fault):
    """Drops every frame toward the host, ARP too. What the host sends still gets through."""

    name: ClassVar[str] = "partition"
    stage: ClassVar[int] = Fault.DROP
    can_lose: ClassVar[bool] = True

    def netem(self) -> Netem:
        return Netem(loss=1.0)

    def relay(self, rng: random.Random) -> Rule:
        return lambda frame, at: DROPPED
