"""The kinds of projects that `make test-all` tries, beside those of tests/session/test_projects.py."""

from pathlib import Path

import docker
import pytest

from badwire.faults import Partition
from badwire.session.attach import compose_up
from tests.projects.kinds import FILES, KINDS, check

PUT = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(urllib.request.Request(sys.argv[1], b"x", method="PUT")).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.mark.parametrize("name", ["mesh", "suite", "links", "broker"])
def test_it_is_joined_broken_seen_and_left(
    name: str, images: dict[str, str], engine: docker.APIClient, tmp_path: Path
) -> None:
    check(KINDS[name], images, engine, tmp_path / "run")


def test_a_store_of_three_goes_on_without_one_and_not_without_two(images: dict[str, str], tmp_path: Path) -> None:
    with compose_up(FILES / "store.yml", env=images, folder=tmp_path / "run") as lab:

        def put(node: str) -> str:
            return lab.host(node).exec("python3", "-c", PUT, f"http://{node}/x").out.strip()

        assert put("one") == "200"
        with lab.wire.fault(Partition(), toward=lab.host("three")):
            assert put("one") == "200"
            assert put("three") == "503"
            with lab.wire.fault(Partition(), toward=lab.host("two")):
                assert put("one") == "503"
        assert put("three") == "200"
