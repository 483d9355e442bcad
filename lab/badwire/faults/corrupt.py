"""Corrupt: one bit is wrong, and a checksum must find it."""

import random
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import Decision, Fault, Netem, Rule, passed

_ETHERNET_HEADER = 14
LARGEST = 65_535 + _ETHERNET_HEADER  # bytes of a frame


@dataclass(frozen=True)
class Corrupt(Fault):
    """Flips one bit of a frame with ``probability`` (0 to 1); no checksum is mended, so that the receiver can notice.

    The first ``spare`` bytes stay whole, and from the relay at least the Ethernet header: a wrong address there teaches
    nothing about checksums. netem chooses among all bytes, so that in a full frame one flip in a hundred hits that
    header; where bytes are to be spared the relay is needed.
    """

    name: ClassVar[str] = "corrupt"
    stage: ClassVar[int] = Fault.CORRUPT
    can_lose: ClassVar[bool] = True

    probability: float
    spare: int = 0

    def __post_init__(self) -> None:
        self._check("probability", 0, 1)
        self._check("spare", 0, LARGEST, "bytes", whole=True)

    def netem(self) -> Netem | None:
        return None if self.spare else Netem(corrupt=self.probability)

    def relay(self, rng: random.Random) -> Rule:
        first = max(self.spare, _ETHERNET_HEADER)

        def rule(frame: bytes, at: int) -> Decision:
            if rng.random() >= self.probability or len(frame) <= first:
                return passed(frame, at)
            broken = bytearray(frame)
            broken[rng.randrange(first, len(frame))] ^= 1 << rng.randrange(8)
            return "corrupt", ((bytes(broken), at),)

        return rule
