"""A lab kept up on each substrate in turn, with everything of the test's own: its notes, its runs, its environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from badwire.substrate.substrate import Substrate
from tests.session.hands import Hands


@pytest.fixture
def hands(substrate: Substrate, tmp_path: Path) -> Iterator[Hands]:
    """Nothing is up yet; whatever is at the end, is ended."""
    with Hands(substrate.name, tmp_path) as made:
        yield made


@pytest.fixture
def up(hands: Hands) -> Hands:
    hands.up()
    return hands


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Hands]:
    """On namespaces only, for what has nothing to do with the substrate."""
    with Hands("netns", tmp_path) as made:
        yield made
