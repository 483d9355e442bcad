"""For tests that need a Docker Engine: skipped, with why, where there is none; failed if BADWIRE_REQUIRE has it."""

from collections.abc import Iterator

import docker
import pytest

from badwire.pytest_plugin.require import lacking
from badwire.substrate.docker.client import connect
from badwire.substrate.docker.substrate import Docker


@pytest.fixture(scope="session")
def usable() -> None:
    if (why := Docker().check()) is not None:
        lacking(why, ["docker"])


@pytest.fixture
def engine(usable: None) -> Iterator[docker.APIClient]:
    """A second witness: the engine itself."""
    client = connect()
    yield client
    client.close()
