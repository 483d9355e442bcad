"""For folders of tests that start nothing real: their conftest.py imports ``no_leftovers`` from here."""

import pytest


@pytest.fixture(autouse=True)
def no_leftovers() -> None:
    """Replaces the search for leftovers, which takes most of the time of a quick test."""
