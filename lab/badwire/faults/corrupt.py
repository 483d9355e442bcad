"""Corrupt: one bit of a frame is flipped, which a checksum must detect."""

import random
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import Decision, Fault, Netem, Rule, passed

_ETHERNET_HEADER = 14
LARGEST = 65_535 + _ETHERNET_HEADER  # bytes of a frame


@dataclass(frozen=True, repr=False)
class Corrupt(Fault):
    """Flips one bit of a frame with ``probability`` (0 to 1); no checksum is corrected, so the receiver can detect it.

    The first ``spare`` bytes are never changed, nor, by the relay, the Ethernet header: a wrong MAC address has nothing
    to do with checksums. netem chooses among all bytes, so in a full frame one flip in a hundred is in that header;
    sparing bytes needs the relay. The IPv6 header has no checksum (RFC 8200 section 3), and the checksums of TCP, UDP
    and ICMPv6 cover its addresses, length and next header, so a flip elsewhere in it is not detected.
    """

    name: ClassVar[str] = "corrupt"
    stage: ClassVar[int] = Fault.CORRUPT
    can_lose: ClassVar[bool] = True

    probability: float
    spare: int = 0

    def check_fields(self) -> None:
        self._check("probability", 0, 1)
        self._check("spare", 0, LARGEST, "bytes", integer=True)

    def netem(self) -> Netem | None:
        if self.spare:
            return None
        return Netem(corrupt=self.probability)

    def relay(self, rng: random.Random) -> Rule:
        begin = max(self.spare, _ETHERNET_HEADER)

        def rule(frame: bytes, at: int) -> Decision:
            if rng.random() >= self.probability or len(frame) <= begin:
                return passed(frame, at)
            position = rng.randrange(begin, len(frame))
            bit = rng.randrange(8)
            damaged = bytearray(frame)
            damaged[position] ^= 1 << bit
            return "corrupt", ((bytes(damaged), at),)

        return rule
