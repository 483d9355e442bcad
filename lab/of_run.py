"""Which scenario a saved run is of: that of a file as it is today, or none, where somebody had hands on the lab."""

import os
from pathlib import Path

from lab.errors import UnknownScenario
from lab.scenario import Declaration, Scenario, load

HANDS = "lab up"  # stands for a scenario's file
_LESSON = """A lab that somebody kept up and had hands on. No claim about a book is judged here; what was done, and what
the hosts and the wire made of it, is below."""

BY_HAND = Scenario("up", Path(HANDS), _LESSON, Declaration(lambda lab: None, "A lab kept up by hand"), ())


def scenario_of(folder: Path, file: str, name: str) -> Scenario:
    """By the ``file`` that its result names, if that can be read here, else by the ``name`` in its evidence.

    What is in the run's own ``folder`` came with it, from wherever that came, and is not run. Raises UnknownScenario,
    or RequestError if it is no scenario any more.
    """
    if file == HANDS or (not file and name == BY_HAND.name):
        return BY_HAND
    asked = file if os.path.isfile(file) else name
    if os.path.isfile(asked) and Path(asked).resolve().is_relative_to(folder.resolve()):
        raise UnknownScenario(f"{folder} names a scenario that came with it, {asked}, and that is not run.")
    return load(asked)
