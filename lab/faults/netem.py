"""What can be said to the kernel's netem (net/sched/sch_netem.c, tc-netem(8)): plain data, no netlink here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.errors import MissingCapability

if TYPE_CHECKING:
    from lab.faults.fault import Fault

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
