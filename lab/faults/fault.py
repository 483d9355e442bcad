"""What every fault is: plain data in SI units that says how each engine carries it out.

A fault does not say toward whom; that is the wire's business. The relay asks it for a *rule*, which decides one frame
at a time; netem is told the plain description in ``lab/faults/netem.py``.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from lab.errors import BadFault
from lab.faults.netem import Netem

NS = 1_000_000_000

# What a rule answers: a verdict for the record ("" when there is nothing to tell), and every frame that goes on, with
# the time in CLOCK_MONOTONIC nanoseconds at which it does. No frame going on is a drop, two are a duplicate.
Decision = tuple[str, tuple[tuple[bytes, int], ...]]

# rule(frame, at): ``frame`` begins with its Ethernet header; ``at`` is when it comes to this rule, in the same clock.
Rule = Callable[[bytes, int], Decision]

DROPPED: Decision = ("drop", ())


@runtime_checkable
class Keeping(Protocol):
    """A rule that keeps frames until they are let go."""

    def __call__(self, frame: bytes, at: int, /) -> Decision: ...

    def release(self) -> list[bytes]:
        """Everything that was kept, oldest first; what comes later is kept again."""


@runtime_checkable
class Answering(Protocol):
    """A rule that tells the sender of a frame what became of it. It is asked when it has let nothing go on."""

    def __call__(self, frame: bytes, at: int, /) -> Decision: ...

    def answer(self, frame: bytes) -> bytes | None:
        """The frame that the wire itself sends, to whatever MAC address stands in it; None: it keeps silent."""


def passed(frame: bytes, at: int) -> Decision:
    """The frame goes on at ``at``, and there is nothing to tell."""
    return "", ((frame, at),)


@dataclass(frozen=True)
class Fault:
    """Something that the wire does to frames on their way toward a host.

    ``name`` is its name on the command line and in the record. ``stage`` is its place among several on one port:
    narrow, drop, hold, keep, duplicate, corrupt, delay, rate, reorder. The order in which they are given does not
    matter.
    """

    name: ClassVar[str]
    stage: ClassVar[int]

    NARROW: ClassVar[int] = 0
    DROP: ClassVar[int] = 1
    HOLD: ClassVar[int] = 2
    KEEP: ClassVar[int] = 3
    DUPLICATE: ClassVar[int] = 4
    CORRUPT: ClassVar[int] = 5
    DELAY: ClassVar[int] = 6
    RATE: ClassVar[int] = 7
    REORDER: ClassVar[int] = 8

    def netem(self) -> Netem | None:
        """What the kernel's netem must be told, or None when it has no words for this."""
        return None

    def relay(self, rng: random.Random) -> Rule:
        """A new rule for the relay; everything that it leaves to chance it draws from ``rng``."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Name and fields as plain data; a field that was left at None is left out."""
        shown: dict[str, Any] = {"name": self.name}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None or field.default is not None:
                shown[field.name] = value
        return shown

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The fault that ``to_json`` described; BadFault for a field that is unknown, missing or out of range."""
        given = {key: value for key, value in data.items() if key != "name"}
        known = {field.name: field for field in fields(cls)}
        if unknown := sorted(given.keys() - known.keys()):
            raise BadFault(f"{cls.name} has no field {unknown[0]}; it has {', '.join(known) or 'none'}.")
        if missing := [key for key, field in known.items() if field.default is MISSING and key not in given]:
            raise BadFault(f"{cls.name} needs the field {missing[0]}.")
        return cls(**given)

    def _check(self, field: str, low: float, high: float, unit: str = "", whole: bool = False) -> None:
        """BadFault unless the field is a number (``whole``: an integer) from ``low`` to ``high``."""
        value = getattr(self, field)
        kinds = int if whole else (int, float)
        number = isinstance(value, kinds) and not isinstance(value, bool)
        if not number or not low <= value <= high:  # no bound is infinite, and nan is in no range
            kind = "a whole number" if whole else "a number"
            span = f"{low:g} to {high:g} {unit}".rstrip()
            raise BadFault(f"{self.name}: {field} must be {kind} from {span}, not {value!r}.")
