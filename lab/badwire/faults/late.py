"""Late: frames pass, and copies of them are delivered long afterwards."""

import random
from collections import deque
from dataclasses import dataclass
from typing import ClassVar

from badwire.faults.fault import QUEUE, Decision, Fault, passed


class LateRule:
    """The rule of one Late: keeps copies of the frames, in order, of at most QUEUE frames."""

    def __init__(self) -> None:
        self._kept: deque[bytes] = deque()

    def __call__(self, frame: bytes, at: int) -> Decision:
        verdict, onward = passed(frame, at)
        if len(self._kept) < QUEUE:
            self._kept.append(frame)
            verdict = "keep"
        return verdict, onward

    def release(self) -> list[bytes]:
        kept = list(self._kept)
        self._kept.clear()
        return kept


@dataclass(frozen=True, repr=False)
class Late(Fault):
    """Passes every frame that matches, and delivers a copy when the wire releases it: an old duplicate.

    Lifting the fault releases the copies too. A frame that a Hold keeps is copied when the Hold releases it.
    """

    name: ClassVar[str] = "late"
    stage: ClassVar[int] = Fault.KEEP

    def relay(self, rng: random.Random) -> LateRule:
        return LateRule()
