"""Scenarios: the decorator that declares one, the loader (`scenario_file`), and how one is played (`play`).

What a scenario imports is offered here. May import: claims, testbed and what lies below them.
"""

from badwire.scenario.scenario_file import load, scenario

__all__ = ["load", "scenario"]
