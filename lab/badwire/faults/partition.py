"""Partition: no frame arrives."""

import random
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import DROPPED, Fault, Netem, Rule


@dataclass(frozen=True, repr=False)
class Partition(Fault):
    """Drops every frame toward the host, ARP too; what the host sends is dropped if the fault is set ``of`` it."""

    name: ClassVar[str] = "partition"
    stage: ClassVar[int] = Fault.DROP
    can_lose: ClassVar[bool] = True

    def netem(self) -> Netem:
        return Netem(loss=1.0)

    def relay(self, rng: random.Random) -> Rule:
        return lambda frame, at: DROPPED
