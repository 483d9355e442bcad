"""A lab kept up on each substrate in turn, with a registry, runs and an environment of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from badwire.substrate.substrate import Substrate
from tests.session.lab_commands import LabCommands


@pytest.fixture
def commands(substrate: Substrate, tmp_path: Path) -> Iterator[LabCommands]:
    """No lab is up yet; any lab that is up at the end is ended."""
    with LabCommands(substrate.name, tmp_path) as made:
        yield made


@pytest.fixture
def up(commands: LabCommands) -> LabCommands:
    commands.up()
    return commands


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LabCommands]:
    """On namespaces only, for what has nothing to do with the substrate."""
    with LabCommands("netns", tmp_path) as made:
        yield made
