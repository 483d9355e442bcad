"""Scenarios: the decorator that declares one and the loader (`scenario_file`), and playing one in a lab (`play`).

A scenario file imports `scenario` from here, and an exercise `exercise` too (`exercise_file`). May import: claims,
testbed and the packages below them.
"""

from badwire.scenario.exercise_file import exercise
from badwire.scenario.scenario_file import load, scenario

__all__ = ["exercise", "load", "scenario"]
