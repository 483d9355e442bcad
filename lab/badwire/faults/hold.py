"""Hold: frames wait until they are released."""

import random
from collections import deque
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import DROPPED, QUEUE, Decision, Fault


class HoldRule:
    """The rule of one Hold: keeps the frames, in order, and drops them beyond QUEUE frames."""

    def __init__(self) -> None:
        self._kept: deque[bytes] = deque()

    def __call__(self, frame: bytes, at: int) -> Decision:
        if len(self._kept) >= QUEUE:
            return DROPPED
        self._kept.append(frame)
        return "hold", ()

    def release(self) -> list[bytes]:
        kept = list(self._kept)
        self._kept.clear()
        return kept


@dataclass(frozen=True, repr=False)
class Hold(Fault):
    """Keeps every frame that matches until the wire releases it; lifting the fault releases it too."""

    name: ClassVar[str] = "hold"
    stage: ClassVar[int] = Fault.HOLD
    can_lose: ClassVar[bool] = True
    can_delay: ClassVar[bool] = True

    def relay(self, rng: random.Random) -> HoldRule:
        return HoldRule()
