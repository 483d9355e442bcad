"""The engine and the images of the projects."""

import os
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from badwire.pytest_plugin.require import lacking
from badwire.substrate.docker.client import connect
from badwire.substrate.docker.substrate import Docker
from tests.projects.project_images import project_images


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.APIClient]:
    if (why := Docker().check()) is not None:
        lacking(why, ["docker"])
    client = connect()
    yield client
    client.close()


@pytest.fixture(scope="module")
def images(engine: docker.APIClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The images by the variables of the compose files."""
    folder: Path = tmp_path_factory.mktemp("images")
    with project_images(engine, f"badwire-test-projects-{os.getpid()}", folder) as made:
        yield made


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A registry of labs of the test's own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
