"""Compose projects like other people's, joined, broken, seen and left: two networks, IPv6, builds, redis, postgres."""

from pathlib import Path

import docker
import pytest

from tests.projects.fixtures import engine as engine
from tests.projects.fixtures import images as images
from tests.projects.fixtures import registry as registry
from tests.projects.kinds import KINDS, check


@pytest.mark.parametrize("name", ["vote", "sites", "web"])
def test_it_is_joined_broken_seen_and_left(
    name: str, images: dict[str, str], engine: docker.APIClient, tmp_path: Path
) -> None:
    check(KINDS[name], images, engine, tmp_path / "run")
