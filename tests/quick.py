"""For folders of tests that start nothing real: their conftest.py has ``no_leftovers`` from here."""

import pytest


@pytest.fixture(autouse=True)
def no_leftovers() -> None:
    """Takes the place of the look for leftovers, which takes most of the time of a quick test."""
