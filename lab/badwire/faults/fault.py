"""The base class of faults, and how the two engines carry them out.

A fault is plain data in SI units; toward which host it is set is up to the wire, and to which of the frames there it
applies is its ``Selection``. For the relay it makes a *rule*, which decides about one frame at a time. For the kernel's
netem (net/sched/sch_netem.c, tc-netem(8)) it makes a ``Netem``.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from badwire.errors import BadFault, UnsupportedFault
from badwire.faults.selection import Selection, check_number

NS = 1_000_000_000  # in a second
# The most frames that a port keeps, with either engine. netem's default of 1000 limits a link of 1 Gbit/s to a delay
# of 12 ms; 10,000 full frames (15 MB) are enough for 120 ms.
QUEUE = 10_000
SMALLEST_FRAME = 42  # bytes: the headers of an empty UDP datagram; a veth does not pad frames
# The latency of tc_netem_qopt is in ticks of 64 ns, in 32 bits: 274 s. Jitter is limited to INT_MAX ns: 2.1 s.
LONGEST_DELAY = 240.0
LONGEST_JITTER = 2.0
# Above this, in seconds, netem's jitter is not uniform: it takes 32 random bits modulo twice the jitter in ns
# (tabledist), so shorter delays are more frequent than longer ones, here by 1/21 and at 1 s by a half.
EVEN_JITTER = 0.1
SHORTEST_FOR = 0.001  # seconds for which a fault may be in force
LONGEST_FOR = 1_000_000.0


@dataclass(frozen=True)
class Netem:
    """One netem qdisc. Times in ns, probabilities 0..1, the rate in bits per second (0: none), the limit in frames."""

    delay_ns: int = 0
    jitter_ns: int = 0  # uniform, from delay - jitter to delay + jitter
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0  # this share of the frames is sent without delay; needs a delay to have an effect
    gap: int = 0  # 1 wherever reorder is set
    corrupt: float = 0.0  # one bit of the frame, anywhere in it
    rate_bps: int = 0
    limit: int = QUEUE

    @property
    def draws(self) -> bool:
        """Whether it needs random numbers."""
        return any((self.jitter_ns, self.loss, self.duplicate, self.reorder, self.corrupt))


def combine(faults: Sequence["Fault"]) -> Netem:
    """All faults of one port as one netem qdisc.

    Several delays add up, and several losses are drawn one after the other.

    Raises:
        UnsupportedFault: netem would not do the same as the relay; the text names the fault.
    """
    parts = [_part(fault) for fault in faults]
    _check_together(parts)
    delay_ns = sum(part.delay_ns for part in parts)
    jitter_ns = sum(part.jitter_ns for part in parts)
    if delay_ns > LONGEST_DELAY * NS:
        raise UnsupportedFault(f"netem delays for {LONGEST_DELAY:g} s at most; use the relay engine for more.")
    if jitter_ns > EVEN_JITTER * NS:
        raise UnsupportedFault(f"netem draws a jitter above {EVEN_JITTER:g} s unevenly; use the relay engine for it.")
    loss = 0.0
    for part in parts:
        loss += part.loss - loss * part.loss
    limit = QUEUE
    for part in parts:
        if part.rate_bps:
            limit = _limit(part, delay_ns + jitter_ns)
    return Netem(
        delay_ns=delay_ns,
        jitter_ns=jitter_ns,
        loss=loss,
        duplicate=sum(part.duplicate for part in parts),
        reorder=sum(part.reorder for part in parts),
        gap=max((part.gap for part in parts), default=0),
        corrupt=sum(part.corrupt for part in parts),
        rate_bps=sum(part.rate_bps for part in parts),
        limit=limit,
    )


def _part(fault: "Fault") -> Netem:
    if fault.selects:
        raise UnsupportedFault(
            f"netem carries out {fault.name} on every frame toward a host, and cannot select frames; use the relay"
            " engine for it."
        )
    part = fault.netem()
    if part is None:
        raise UnsupportedFault(f"netem cannot carry out the fault {fault.name}; use the relay engine for it.")
    return part


def _check_together(parts: Sequence[Netem]) -> None:
    """Raise UnsupportedFault for faults that netem can carry out one by one, but not together."""
    reorders = any(part.reorder for part in parts)
    others = [part for part in parts if not part.reorder]
    delays = any(part.delay_ns or part.rate_bps for part in others)
    if reorders and delays:
        raise UnsupportedFault(
            "netem's reorder lets a frame pass every delay and rate of its port; use the relay engine to have both."
        )
    for name in ("jitter_ns", "duplicate", "reorder", "corrupt", "rate_bps"):
        values = [getattr(part, name) for part in parts]
        used = [value for value in values if value]
        if len(used) > 1:
            fault, _, _ = name.partition("_")
            raise UnsupportedFault(f"netem can have one {fault} on a port, not several; use the relay engine.")
    loses = any(part.loss for part in parts)
    duplicates = any(part.duplicate for part in parts)
    if loses and duplicates:
        raise UnsupportedFault(
            "netem delivers a frame that it both loses and duplicates; use the relay engine to have both faults."
        )


def _limit(rate: Netem, delay_ns: int) -> int:
    """The rate's limit, plus the frames that a delay holds, which netem counts against its limit too.

    So the queue is as long as asked, or up to a tenth longer. A lower limit, such as one for full frames only, would
    drop smaller frames from an empty queue.

    Raises:
        UnsupportedFault: the queue would be longer than that.
    """
    bits_per_frame = 8 * SMALLEST_FRAME
    on_their_way = math.ceil(delay_ns * rate.rate_bps / (bits_per_frame * NS))
    least_limit = on_their_way * 10
    if least_limit <= rate.limit:
        return rate.limit + on_their_way
    way_out = "use the relay engine for both"
    if least_limit <= QUEUE:
        way_out += f", or a limit of {least_limit} and more"
    raise UnsupportedFault(
        f"netem counts up to {on_their_way} frames that a delay holds against the rate's limit of"
        f" {rate.limit}; {way_out}."
    )


# A rule's decision: the verdict to record ("": none), and every frame that is forwarded, each with its time in ns of
# CLOCK_MONOTONIC. If none is forwarded, the frame is dropped or kept; if two are, it is duplicated.
Decision = tuple[str, tuple[tuple[bytes, int], ...]]
# rule(frame, at): ``frame`` begins with its Ethernet header; ``at`` is when it reaches this rule, in the same clock.
Rule = Callable[[bytes, int], Decision]
DROPPED: Decision = ("drop", ())


@runtime_checkable
class Keeping(Protocol):
    """A rule that keeps frames until they are released."""

    def __call__(self, frame: bytes, at: int, /) -> Decision: ...

    def release(self) -> list[bytes]:
        """Remove and return all kept frames, oldest first."""


@runtime_checkable
class Answering(Protocol):
    """A rule that may answer a frame; ``answers`` is called whenever the rule forwards no frame."""

    def __call__(self, frame: bytes, at: int, /) -> Decision: ...

    def answers(self, frame: bytes) -> tuple[bytes, ...]:
        """The frames that the wire itself sends, each to the MAC address in it."""


def passed(frame: bytes, at: int) -> Decision:
    """Forward the frame at ``at``, and record nothing."""
    return "", ((frame, at),)


@dataclass(frozen=True, kw_only=True, repr=False)
class Fault(Selection):
    """Something that the wire does to frames on their way toward a host: to those that its ``Selection`` selects.

    ``name`` is its name on the command line and in the record. ``stage`` orders several faults on one port: narrow,
    drop, hold, keep, duplicate, corrupt, delay, rate, reorder. The order in which they are set does not matter.
    ``for_`` is the time in seconds after which the fault is lifted by itself; None: it stays in force.

    A subclass is a dataclass with ``repr=False``, and checks fields of its own in ``check_fields``.
    """

    stage: ClassVar[int]
    can_lose: ClassVar[bool] = False  # whether it may lose a frame while it is in force
    can_delay: ClassVar[bool] = False  # whether it may delay a frame

    NARROW: ClassVar[int] = 0
    DROP: ClassVar[int] = 1
    HOLD: ClassVar[int] = 2
    KEEP: ClassVar[int] = 3
    DUPLICATE: ClassVar[int] = 4
    CORRUPT: ClassVar[int] = 5
    DELAY: ClassVar[int] = 6
    RATE: ClassVar[int] = 7
    REORDER: ClassVar[int] = 8

    for_: float | None = None

    def __post_init__(self) -> None:
        self.check_selection()
        if self.for_ is not None:
            check_number(self.name, "for", self.for_, SHORTEST_FOR, LONGEST_FOR, "s")
        self.check_fields()

    def check_fields(self) -> None:
        """Raise BadFault for a field of this class that is out of range."""

    def __repr__(self) -> str:
        shown = [f"{_attribute(word)}={value!r}" for word, value in self.to_json().items() if word != "name"]
        return f"{type(self).__name__}({', '.join(shown)})"

    @property
    def for_ns(self) -> int | None:
        """``for_`` in ns."""
        return None if self.for_ is None else round(self.for_ * NS)

    def netem(self) -> Netem | None:
        """The configuration of netem that carries the fault out; None if netem cannot."""
        return None

    def relay(self, rng: random.Random) -> Rule:
        """A new rule for the relay; it draws its random numbers from ``rng``."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Name and fields as plain data, without the fields that are None by default and were not set."""
        shown: dict[str, Any] = {"name": self.name}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None or field.default is not None:
                shown[plain_name(field.name)] = value
        return shown

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The fault that ``to_json`` described.

        Raises:
            BadFault: a field is unknown, missing or out of range.
        """
        values = {key: value for key, value in data.items() if key != "name"}
        defaults = {plain_name(field.name): field.default for field in fields(cls)}
        for name in sorted(values):
            if name not in defaults:
                known = ", ".join(defaults)
                raise BadFault(f"{cls.name} has no field {name}; it has {known}.")
        for name, default in defaults.items():
            if default is MISSING and name not in values:
                raise BadFault(f"{cls.name} needs the field {name}.")
        return cls(**{_attribute(name): value for name, value in values.items()})

    def _check(
        self,
        field: str,
        low: float,
        high: float,
        unit: str = "",
        integer: bool = False,
    ) -> None:
        """Raise BadFault unless the field is a number (``integer``: a whole one) from ``low`` to ``high``."""
        check_number(self.name, field, getattr(self, field), low, high, unit, integer)


_AFTER_KEYWORDS = ("from_", "for_")  # fields whose names are keywords of Python without the underscore


def plain_name(field: str) -> str:
    """The name of a field in JSON and on the command line: ``from`` for ``from_``."""
    return field.removesuffix("_")


def _attribute(name: str) -> str:
    return f"{name}_" if f"{name}_" in _AFTER_KEYWORDS else name
