"""One port of the relay: the faults in force toward a host, and what they decide about a frame."""

import random
from collections.abc import Callable, Sequence

from badwire.faults.delay import Delay
from badwire.faults.fault import Answering, Fault, Keeping, Rule

# A frame that leaves the port, and when, in ns of CLOCK_MONOTONIC.
Departure = tuple[bytes, int]

# log(fault, verdict, frame): record a decision
LogDecision = Callable[[str, str, bytes], None]

# send(frame): the wire itself sends a frame, to the destination MAC address in it
SendFrame = Callable[[bytes], None]


class RelayPort:
    """The faults toward one host. It uses no socket and no clock, so it can be tested with any frame at any time."""

    def __init__(self, host: str, log: LogDecision, send: SendFrame) -> None:
        self.host = host
        # The delay of every frame in ns, where the faults do nothing else; None: each frame must go through the rules.
        self.fixed_ns: int | None = 0
        self._log = log
        self._send = send
        self._rules: list[tuple[Fault, Rule]] = []  # in the order of their stages
        self._seed: int | str = 0

    def set(self, faults: Sequence[Fault], seed: int | str, now: int) -> list[Departure]:
        """Replace the faults in force by this complete list; returns the frames that lifted faults had kept.

        A fault that was already in force keeps its rule, so that setting another one does not restart its counting.
        """
        reusable = self._rules if seed == self._seed else []
        lifted = list(self._rules)
        rules: list[tuple[Fault, Rule]] = []
        for index, fault in enumerate(faults):
            old = next((rule for rule in reusable if rule[0] == fault and rule in lifted), None)
            if old is not None:
                lifted.remove(old)
                rules.append(old)
                continue
            copies = faults[:index].count(fault)  # two equal faults must not draw the same random numbers
            rules.append((fault, fault.relay(random.Random(f"{seed}:{self.host}:{fault}:{copies}"))))
        self._rules = sorted(rules, key=lambda rule: rule[0].stage)
        self._seed = seed
        self.fixed_ns = _fixed_delay(faults)
        return self._release(lifted, now)

    def release(self, now: int) -> list[Departure]:
        """The frames that every Hold and every Late in force has kept."""
        return self._release(self._rules, now)

    def enter(self, frame: bytes, now: int) -> list[Departure]:
        """The frames that leave the port because this one has entered it."""
        return self._apply(self._rules, frame, now)

    def _release(self, rules: Sequence[tuple[Fault, Rule]], now: int) -> list[Departure]:
        # Collected before any frame goes on: to a Late, a frame that a Hold releases is a new one.
        kept = [(fault, frame) for fault, rule in rules if isinstance(rule, Keeping) for frame in rule.release()]
        departures: list[Departure] = []
        for fault, frame in kept:
            self._log(fault.name, "release", frame)
            later_rules = [rule for rule in self._rules if rule[0].stage > fault.stage]
            departures += self._apply(later_rules, frame, now)
        return departures

    def _apply(self, rules: Sequence[tuple[Fault, Rule]], frame: bytes, now: int) -> list[Departure]:
        arrivals = [(frame, now)]
        for fault, rule in rules:
            departures: list[Departure] = []
            for arrived, at in arrivals:
                verdict, onward = rule(arrived, at)
                if verdict:
                    self._log(fault.name, verdict, arrived)
                if not onward and isinstance(rule, Answering):
                    answer = rule.answer(arrived)
                    if answer is not None:
                        self._send(answer)
                departures += onward
            if not departures:
                return []
            arrivals = departures
        return arrivals


def _fixed_delay(faults: Sequence[Fault]) -> int | None:
    """The sum of the delays in ns, if all faults are delays without jitter."""
    total = 0
    for fault in faults:
        if not isinstance(fault, Delay) or fault.jitter:
            return None
        total += fault.time_ns
    return total
