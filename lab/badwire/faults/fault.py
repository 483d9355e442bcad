"""What every fault is: plain data in SI units that says how each engine carries it out.

A fault does not say toward whom; that is the wire's business. The relay asks it for a *rule*, which decides one frame
at a time; netem is told the plain description in ``lab/badwire/faults/fault.py``.

What can be said to the kernel's netem (net/sched/sch_netem.c, tc-netem(8)): plain data, no netlink here.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from badwire.errors import BadFault, MissingCapability

# Frames that a port keeps at most, with either engine. netem's own default of 1000 cuts a link of 1 Gbit/s short
# beyond 12 ms; 10,000 full frames (15 MB) reach to 120 ms.
QUEUE = 10_000
SMALLEST_FRAME = 42  # bytes: the headers of an empty UDP datagram; a veth pads nothing
# The latency of tc_netem_qopt counts ticks of 64 ns in 32 bits: 274 s. Jitter is cut at INT_MAX nanoseconds: 2.1 s.
LONGEST_DELAY = 240.0
LONGEST_JITTER = 2.0
# Beyond this, in seconds, netem's jitter is not even: it takes 32 random bits modulo twice the jitter in ns
# (tabledist), so that the shorter delays come more often than the longer ones, here by 1/21 and at 1 s by a half.
EVEN_JITTER = 0.1


@dataclass(frozen=True)
class Netem:
    """One netem qdisc. Times in ns, probabilities 0..1, the rate in bits per second (0: none), the limit in frames."""

    delay_ns: int = 0
    jitter_ns: int = 0  # uniform, from delay - jitter to delay + jitter
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0  # this share of the frames is sent at once; means something only beside a delay
    gap: int = 0  # 1 wherever reorder is set
    corrupt: float = 0.0  # one bit of the frame, anywhere in it
    rate_bps: int = 0
    limit: int = QUEUE


def combine(faults: Sequence["Fault"]) -> Netem:
    """All faults of one port as one netem qdisc.

    Several delays add up, and several losses are drawn one after the other. Raises MissingCapability, naming the fault,
    where netem would do something else than the relay does.
    """
    parts: list[Netem] = []
    for fault in faults:
        part = fault.netem()
        if part is None:
            raise MissingCapability(f"netem has no words for the fault {fault.name}; use the relay engine for it.")
        parts.append(part)
    reorders = [part for part in parts if part.reorder]
    if reorders and any(part.delay_ns or part.rate_bps for part in parts if part not in reorders):
        raise MissingCapability(
            "netem's reorder lets a frame pass every delay and rate of its port; use the relay engine to have both."
        )
    for name in ("jitter_ns", "duplicate", "reorder", "corrupt", "rate_bps"):
        if sum(1 for part in parts if getattr(part, name)) > 1:
            word = name.partition("_")[0]
            raise MissingCapability(f"netem knows one {word} on a port, not several; use the relay engine.")
    delay_ns = sum(part.delay_ns for part in parts)
    if delay_ns > LONGEST_DELAY * 1e9:
        raise MissingCapability(f"netem delays for {LONGEST_DELAY:g} s at most; use the relay engine for more.")
    jitter_ns = sum(part.jitter_ns for part in parts)
    if jitter_ns > EVEN_JITTER * 1e9:
        raise MissingCapability(f"netem draws a jitter above {EVEN_JITTER:g} s unevenly; use the relay engine for it.")
    loss = 0.0
    for part in parts:
        loss += part.loss - loss * part.loss
    if loss and any(part.duplicate for part in parts):
        raise MissingCapability(
            "netem lets pass a frame that it both loses and duplicates; use the relay engine to have both faults."
        )
    rates = [part for part in parts if part.rate_bps]
    return Netem(
        delay_ns=delay_ns,
        jitter_ns=jitter_ns,
        loss=loss,
        duplicate=sum(part.duplicate for part in parts),
        reorder=sum(part.reorder for part in parts),
        gap=max((part.gap for part in parts), default=0),
        corrupt=sum(part.corrupt for part in parts),
        rate_bps=sum(part.rate_bps for part in parts),
        limit=_limit(rates[0], delay_ns + jitter_ns) if rates else QUEUE,
    )


def _limit(rate: Netem, delay_ns: int) -> int:
    """The rate's own limit, and room for what a delay has on its way, which netem counts against its limit too.

    So the queue has room for what was asked, and for at most a tenth more. Raises MissingCapability where it would be
    longer: a limit between, such as one with room for full frames only, would drop smaller ones from an empty queue.
    """
    on_their_way = math.ceil(delay_ns * rate.rate_bps / (8 * SMALLEST_FRAME * 1_000_000_000))
    if on_their_way * 10 > rate.limit:
        higher = f", or a limit of {on_their_way * 10} and more" if on_their_way * 10 <= QUEUE else ""
        raise MissingCapability(
            f"netem counts up to {on_their_way} frames that a delay has on their way against the rate's limit of"
            f" {rate.limit}; use the relay engine for both{higher}."
        )
    return rate.limit + on_their_way


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
    can_lose: ClassVar[bool] = False  # whether a frame may be lost through it while it is in force
    can_delay: ClassVar[bool] = False  # whether a frame may arrive later through it

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
