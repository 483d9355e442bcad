"""One port of the relay: its faults in force, and what they decide about a frame."""

import random
from collections.abc import Callable, Sequence

from badwire.faults.delay import Delay
from badwire.faults.fault import Answering, Fault, Keeping, Rule

Passage = tuple[bytes, int]

# tell(fault, verdict, frame): a decision for the record
Tell = Callable[[str, str, bytes], None]

# say(frame): the wire itself sends it, to whatever MAC address stands in it
Say = Callable[[bytes], None]


class Port:
    """The faults toward one host. Knows no socket and no clock, so it can be tested on any frame at any time."""

    def __init__(self, host: str, tell: Tell, say: Say) -> None:
        self.host = host
        # What every frame waits, in ns, when that is all that the faults do; None: the rules must be asked.
        self.fixed_ns: int | None = 0
        self._tell, self._say = tell, say
        self._rules: list[tuple[Fault, Rule]] = []
        self._seed: int | str = 0

    def set(self, faults: Sequence[Fault], seed: int | str, now: int) -> list[Passage]:
        """The complete list now in force; returns what a lifted one had kept.

        A fault that was in force keeps its rule, so that setting a second one does not make the first count anew.
        """
        known = self._rules if seed == self._seed else []
        lifted = list(self._rules)
        rules: list[tuple[Fault, Rule]] = []
        for place, fault in enumerate(faults):
            old = next((entry for entry in known if entry[0] == fault and entry in lifted), None)
            if old is not None:
                lifted.remove(old)
                rules.append(old)
                continue
            twin = faults[:place].count(fault)  # two equal faults must not throw the same dice
            rules.append((fault, fault.relay(random.Random(f"{seed}:{self.host}:{fault}:{twin}"))))
        self._rules = sorted(rules, key=lambda entry: entry[0].stage)
        self._seed = seed
        plain = all(isinstance(fault, Delay) and not fault.jitter for fault in faults)
        self.fixed_ns = sum(fault.time_ns for fault in faults if isinstance(fault, Delay)) if plain else None
        return self._let_go(lifted, now)

    def release(self, now: int) -> list[Passage]:
        """What every Hold and every Late in force has kept."""
        return self._let_go(self._rules, now)

    def enter(self, frame: bytes, now: int) -> list[Passage]:
        """A frame comes to this port: the frames that leave it, each with its time in ns."""
        return self._through(self._rules, frame, now)

    def _let_go(self, rules: Sequence[tuple[Fault, Rule]], now: int) -> list[Passage]:
        # all of it before any goes on: what a Hold lets go is a new frame to a Late
        kept = [(fault, frame) for fault, rule in rules if isinstance(rule, Keeping) for frame in rule.release()]
        passages: list[Passage] = []
        for fault, frame in kept:
            self._tell(fault.name, "release", frame)
            passages += self._through([each for each in self._rules if each[0].stage > fault.stage], frame, now)
        return passages

    def _through(self, rules: Sequence[tuple[Fault, Rule]], frame: bytes, now: int) -> list[Passage]:
        passages = [(frame, now)]
        for fault, rule in rules:
            further: list[Passage] = []
            for here, at in passages:
                verdict, out = rule(here, at)
                if verdict:
                    self._tell(fault.name, verdict, here)
                if not out and isinstance(rule, Answering) and (words := rule.answer(here)) is not None:
                    self._say(words)
                further += out
            if not further:
                return further
            passages = further
        return passages
