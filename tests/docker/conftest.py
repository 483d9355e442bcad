"""For tests that need a Docker Engine: skipped, with the reason, where there is none; failed if LAB_REQUIRE has it."""

from collections.abc import Iterator

import docker
import pytest

from lab.require import lacking
from lab.substrate.docker import Docker
from lab.substrate.docker_engine import connect


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
