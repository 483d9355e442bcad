"""Checks --lab-set before any test runs: somebody must have each parameter, and each value must be of its type."""

from collections.abc import Mapping

import pytest

from badwire.errors import BadOption
from badwire.pytest_plugin.items import ClaimItem, ScenarioFile
from badwire.pytest_plugin.marker import LabSettings
from badwire.scenario.parameters import hint
from badwire.testbed.parameters import Parameters


def check(items: list[pytest.Item], texts: Mapping[str, str]) -> None:
    """Check the values, by the parameter's name, against what the tests declare.

    Raises:
        BadOption: no test has such a parameter, or a value is not of its type.
    """
    declared: set[str] = set()
    for item in items:
        declared.update(_declared_by(item, texts))
    for name in texts:
        if name not in declared:
            raise BadOption(f"--lab-set names {name!r}, which is no parameter of these tests: {hint(name, declared)}")


def _declared_by(item: pytest.Item, texts: Mapping[str, str]) -> Parameters:
    """The parameters of a test. Raises BadOption if one of the texts is not of its type."""
    if isinstance(item, ClaimItem):
        assert isinstance(item.parent, ScenarioFile)
        return item.parent.scenario.parameters
    try:
        settings = LabSettings.of_markers(item.iter_markers("lab"), item.path.parent)
    except BadOption:
        return {}  # a mistake in a marker fails its test
    settings.parameter_values(item.nodeid, texts)
    return settings.parameters
