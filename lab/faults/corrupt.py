"""Corrupt: one bit is wrong, and a checksum must find it."""

import random
from dataclasses import dataclass
from typing import ClassVar

from lab.faults.fault import Decision, Fault, Rule, passed
from lab.faults.netem import Netem

_ETHERNET_HEADER = 14


@dataclass(frozen=True)
class Corrupt(Fault):
    """Flips one bit of a frame with ``probability`` (0 to 1); no checksum is mended, so that the receiver can notice.

    The relay leaves the Ethernet header alone: a wrong address there teaches nothing about checksums. netem chooses
    among all bytes, so that in a full frame one flip in a hundred hits that header.
    """

    name: ClassVar[str] = "corrupt"
    stage: ClassVar[int] = Fault.CORRUPT

    probability: float

    def __post_init__(self) -> None:
        self._check("probability", 0, 1)

    def netem(self) -> Netem:
        return Netem(corrupt=self.probability)

    def relay(self, rng: random.Random) -> Rule:
        def rule(frame: bytes, at: int) -> Decision:
            if rng.random() >= self.probability or len(frame) <= _ETHERNET_HEADER:
                return passed(frame, at)
            broken = bytearray(frame)
            broken[rng.randrange(_ETHERNET_HEADER, len(frame))] ^= 1 << rng.randrange(8)
            return "corrupt", ((bytes(broken), at),)

        return rule
