"""One port of the relay: applies the faults in force toward a host to each frame, and decides what leaves, and when.

The rule of each fault is made by its `relay` method in `badwire.faults`. `loop.py` sends the frames.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from badwire.faults.delay import Delay
from badwire.faults.fault import Answering, Fault, Keeping, Rule
from badwire.faults.selection import Matcher

# A frame that leaves the port, and when, in ns of CLOCK_MONOTONIC.
Departure = tuple[bytes, int]

# log(fault, verdict, frame): record a decision
LogDecision = Callable[[str, str, bytes], None]

# send(frame): the wire itself sends a frame, to the destination MAC address in it
SendFrame = Callable[[bytes], None]


class ActiveFault(NamedTuple):
    """A fault in force, the rule that carries it out, and what selects the frames for the rule (None: every frame)."""

    fault: Fault
    rule: Rule
    matches: Matcher | None


class RelayPort:
    """The faults toward one host. It uses no socket and no clock, so it can be tested with any frame at any time."""

    def __init__(self, host: str, log: LogDecision, send: SendFrame) -> None:
        self.host = host
        # The delay of every frame in ns, if a constant delay is all that the faults do;
        # None: each frame meets the rules.
        self.fixed_ns: int | None = 0
        self._log = log
        self._send = send
        self._active: list[ActiveFault] = []  # in the order of their stages
        self._seed: int | str = 0
        self._streams: dict[str, random.Random] = {}

    def set(
        self,
        faults: Sequence[Fault],
        seed: int | str,
        now: int,
        addresses: Mapping[str, bytes],
    ) -> list[Departure]:
        """Replace the faults in force by this complete list; returns the frames that lifted faults had kept.

        ``addresses`` are the MAC addresses of the hosts whose frames a fault selects.

        A fault that was already in force keeps its rule, so that setting another one does not restart its counting. One
        that was in force before draws on from where it was, so that it does not repeat its pattern.
        """
        lifted = list(self._active)
        active: list[ActiveFault] = []
        for index, fault in enumerate(faults):
            present = _find(fault, lifted) if seed == self._seed else None
            if present is not None:
                lifted.remove(present)
                active.append(present)
                continue
            copies = faults[:index].count(fault)  # two equal faults must not draw the same random numbers
            rule = fault.relay(self._stream(f"{seed}:{self.host}:{fault}:{copies}"))
            active.append(ActiveFault(fault, rule, fault.matcher(addresses)))
        self._active = sorted(active, key=lambda one: one.fault.stage)
        self._seed = seed
        self.fixed_ns = _fixed_delay(faults)
        return self._release(lifted, now)

    def _stream(self, name: str) -> random.Random:
        """The stream of random numbers with this name, at its current position; a new one is seeded with the name."""
        if name not in self._streams:
            self._streams[name] = random.Random(name)
        return self._streams[name]

    def release(self, now: int) -> list[Departure]:
        """The frames that every Hold and every Late in force has kept."""
        return self._release(self._active, now)

    def enter(self, frame: bytes, now: int) -> list[Departure]:
        """The frames that leave the port because this one has entered it."""
        return self._apply(self._active, frame, now)

    def _release(self, releasing: Sequence[ActiveFault], now: int) -> list[Departure]:
        # Collected before any frame goes on: to a Late, a frame that a Hold releases is a new one.
        kept: list[tuple[Fault, bytes]] = []
        for fault, rule, _ in releasing:
            if isinstance(rule, Keeping):
                kept += [(fault, frame) for frame in rule.release()]
        departures: list[Departure] = []
        for fault, frame in kept:
            self._log(fault.name, "release", frame)
            later = [active for active in self._active if active.fault.stage > fault.stage]
            departures += self._apply(later, frame, now)
        return departures

    def _apply(self, active: Sequence[ActiveFault], frame: bytes, now: int) -> list[Departure]:
        arrivals = [(frame, now)]
        for fault, rule, matches in active:
            departures: list[Departure] = []
            for arrived, at in arrivals:
                if matches is not None and not matches(arrived):
                    departures.append((arrived, at))
                    continue
                verdict, onward = rule(arrived, at)
                if verdict:
                    self._log(fault.name, verdict, arrived)
                if not onward:
                    self._answer(rule, arrived)
                departures += onward
            if not departures:
                return []
            arrivals = departures
        return arrivals

    def _answer(self, rule: Rule, frame: bytes) -> None:
        """Send the answers to a frame that does not go on, if the rule has some."""
        if isinstance(rule, Answering):
            for answer in rule.answers(frame):
                self._send(answer)


def _find(fault: Fault, active: Sequence[ActiveFault]) -> ActiveFault | None:
    for one in active:
        if one.fault == fault:
            return one
    return None


def _fixed_delay(faults: Sequence[Fault]) -> int | None:
    """The sum of the delays in ns, if all faults are delays of every frame without jitter."""
    total = 0
    for fault in faults:
        if not isinstance(fault, Delay) or fault.jitter or fault.selects:
            return None
        total += fault.time_ns
    return total
