"""Nth: one frame is lost, chosen by its number, or several at regular intervals."""

import random
from dataclasses import dataclass
from typing import ClassVar

from badwire.errors import BadFault
from badwire.faults.fault import DROPPED, Decision, Fault, Rule, passed
from badwire.faults.fragments import Datagrams, fragment
from badwire.faults.selection import segment
from badwire.packets.ipv4 import TCP

_MANY = 1_000_000_000
_SegmentKey = tuple[int, int, int]  # source port, destination port, sequence number


@dataclass(frozen=True, repr=False)
class Nth(Fault):
    """Drops the ``n``-th frame that matches (the first is 1), counted from when the fault is set.

    If protocol, ports or another header field is given, the fragments of a datagram count as one, and are all lost or
    none. Without any of these each frame counts.

    times    how many frames are lost: that one and ``times - 1`` after it; None: without end
    every    their distance: 1 means consecutive frames, 20 that one and each twentieth that matches after it
    copies   how many retransmissions of the lost TCP segment are lost too; they are recognized by their ports and
             sequence number, and are not counted as matches
    """

    name: ClassVar[str] = "nth"
    stage: ClassVar[int] = Fault.DROP
    can_lose: ClassVar[bool] = True

    n: int
    times: int | None = 1
    every: int = 1
    copies: int = 0

    def check_fields(self) -> None:
        self._check("n", 1, _MANY, integer=True)
        self._check("every", 1, _MANY, integer=True)
        self._check("copies", 0, 1000, integer=True)
        if self.times is not None:
            self._check("times", 1, _MANY, integer=True)
        if self.copies and self.protocol not in (None, "tcp"):
            raise BadFault(f"{self.name}: copies are for protocol tcp, not {self.protocol}.")

    def relay(self, rng: random.Random) -> Rule:
        last = _MANY
        if self.times is not None:
            last = self.n + (self.times - 1) * self.every
        count = 0
        copies_to_drop: dict[_SegmentKey, int] = {}
        datagrams: Datagrams[bool] = Datagrams()  # whether each is lost

        def rule(frame: bytes, at: int) -> Decision:
            piece = fragment(frame) if self.reads_headers else None
            if piece is None:
                return decide(frame, at)
            is_lost = datagrams.recall(piece)
            if is_lost is None:
                verdict, _ = decide(frame, at)
                is_lost = verdict == DROPPED[0]
                datagrams.remember(piece, is_lost)
            return DROPPED if is_lost else passed(frame, at)

        def decide(frame: bytes, at: int) -> Decision:
            nonlocal count
            is_over = count > last and not copies_to_drop
            if is_over:
                return passed(frame, at)
            key = _segment_key(frame) if self.copies else None
            if key is not None and key in copies_to_drop:
                copies_to_drop[key] -= 1
                if not copies_to_drop[key]:
                    del copies_to_drop[key]
                return DROPPED
            count += 1
            is_in_range = self.n <= count <= last
            if not is_in_range or (count - self.n) % self.every:
                return passed(frame, at)
            if key is not None:
                copies_to_drop[key] = self.copies
            return DROPPED

        return rule


def _segment_key(frame: bytes) -> _SegmentKey | None:
    """What a TCP segment and its retransmissions have in common; None for any other frame."""
    found = segment(frame)
    if found is None or found.protocol != TCP:
        return None
    return found.source, found.target, found.sequence
